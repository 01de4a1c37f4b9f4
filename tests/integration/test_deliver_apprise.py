"""Apprise's services against a local server: its yes is handed over and no more, and one that hangs blocks nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from gateway.deliver.channels import ChannelUnusable
from gateway.http import HttpClient
from rules.inputs import Outcome
from tests.channel_world import STOP, URL, Kit, Serving
from tests.deliver_world import notify

# One of Apprise's plugins still takes the type of a picture from a module that Python 3.13 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    async with Serving() as server, HttpClient() as http:
        yield Kit(server, http)


def service(kit: Kit, path: str = "{address}") -> str:
    return f"json://:secret@127.0.0.1:{kit.server.port}/hook/{path}"


async def test_yes_of_apprise_is_recorded_as_handed_over_and_no_more(kit: Kit) -> None:
    kit.server.says({"errcode": 310000, "errmsg": "sign not match"})
    result = await kit.open("apprise", token=service(kit)).send(notify("m", address="王/1?x=2"), "m")
    assert result.outcome is Outcome.ACCEPTED
    assert "nobody says whether it arrived" in result.detail
    (request, _) = kit.server.requests[0]
    assert request.path == "/hook/王/1?x=2"
    document = kit.server.document()
    assert document["title"].startswith("【火警】")
    assert URL in document["message"]


async def test_no_of_apprise_is_tried_again(kit: Kit) -> None:
    kit.server.says({"error": "limit"}, 429)
    result = await kit.open("apprise", token=service(kit)).send(notify("m", address="wang"), "m")
    assert result.outcome is Outcome.RETRY
    assert "secret" not in result.detail


async def test_address_is_asked_for_only_where_the_url_has_a_place_for_it(kit: Kit) -> None:
    kit.server.says("")
    result = await kit.open("apprise", token=service(kit)).send(notify("m", address=""), "m")
    assert (result.outcome, result.detail[:16]) == (Outcome.REFUSED, "address of wang:")
    result = await kit.open("apprise", token=service(kit, "all")).send(notify("m", address=""), "m")
    assert result.outcome is Outcome.ACCEPTED


async def test_service_that_hangs_costs_its_own_threads_and_no_more(kit: Kit) -> None:
    async def hang(request: web.Request) -> web.Response:
        await request.app[STOP].wait()
        return web.Response()

    kit.server.answering = hang
    channel = kit.open("apprise", token=f"{service(kit)}?rto=1", timeout_s=0.2)
    results = await asyncio.gather(*(channel.send(notify(f"m{n}", address="wang"), f"m{n}") for n in range(6)))
    assert [result.outcome for result in results] == [Outcome.RETRY] * 6
    details = [result.detail for result in results]
    assert details.count("no answer of the service within 0.2 s") == 4
    assert sum("threads of this channel are busy" in detail for detail in details) == 2
    assert len(kit.server.requests) == 4
    kit.server.requests[0][0].app[STOP].set()


@pytest.mark.parametrize("url", ["nonsense", "nothing://x", "tgram://"])
def test_url_that_apprise_does_not_know_is_said_before_the_start_and_not_shown(kit: Kit, url: str) -> None:
    with pytest.raises(ChannelUnusable, match="does not know the URL in token_file") as caught:
        kit.open("apprise", token=url)
    assert url not in str(caught.value)
