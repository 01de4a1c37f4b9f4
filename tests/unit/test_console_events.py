"""The live connection: what it says, when it ends, and that nobody can hold it up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.console import events
from gateway.console.changes import Changes
from gateway.console.events import LiveStream
from gateway.console.render import Times
from tests.console_world import Browser, ShiftableClock, World, a_world


class Client:
    """Reads a stream, as fast as it is told to."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()

    async def receive(self) -> dict[str, object]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, object]) -> None:
        await self.reads.wait()
        self.messages.put_nowait(message)

    async def event(self, name: str) -> dict[str, object]:
        """The data of the next event of this name."""
        async with asyncio.timeout(5):
            while True:
                message = await self.messages.get()
                for block in bytes(message.get("body", b"")).decode().split("\n\n"):  # type: ignore[call-overload]
                    if block.startswith(f"event: {name}\n"):
                        return dict(json.loads(block.partition("data: ")[2]))


def a_stream(
    changes: Changes,
    *,
    closing: asyncio.Event | None = None,
    ended: Callable[[], bool] = lambda: False,
    heartbeat_s: float = 0.05,
) -> LiveStream:
    return LiveStream(changes, closing or asyncio.Event(), lambda: Times(ShiftableClock(), None), ended, heartbeat_s)


def start(stream: LiveStream, client: Client) -> asyncio.Task[None]:
    return asyncio.create_task(stream({"type": "http", "client": ("192.0.2.1", 1)}, client.receive, client.send))


async def finished(task: asyncio.Task[None]) -> None:
    async with asyncio.timeout(5):
        await task


async def test_it_begins_with_what_is_and_beats() -> None:
    changes, client = Changes(), Client()
    changes.bump()
    task = start(a_stream(changes), client)
    assert await client.event("change") == {"version": 1, "fragment": "board-1"}
    for _ in range(3):
        beat = await client.event("beat")
        assert (beat["version"], beat["clock"]) == (1, "08:15:30")
        assert beat["now"] == "2026-11-22T00:15:30+00:00"
    client.gone.set()
    await finished(task)


async def test_a_change_is_told_at_once_not_at_the_next_beat() -> None:
    changes, client = Changes(), Client()
    task = start(a_stream(changes, heartbeat_s=60), client)
    await client.event("beat")
    for version in (1, 2):
        changes.bump()
        async with asyncio.timeout(1):
            while (told := (await client.event("change"))["version"]) != version:
                assert told < version
    client.gone.set()
    await finished(task)


async def test_many_changes_are_told_as_one() -> None:
    changes, client = Changes(), Client()
    task = start(a_stream(changes, heartbeat_s=60), client)
    await client.event("beat")
    for _ in range(1000):
        changes.bump()
    assert (await client.event("change"))["version"] == 1000
    assert client.messages.empty()
    client.gone.set()
    await finished(task)


async def test_it_ends_when_the_gateway_stops() -> None:
    client, closing = Client(), asyncio.Event()
    task = start(a_stream(Changes(), closing=closing, heartbeat_s=60), client)
    await client.event("beat")
    closing.set()
    await finished(task)
    assert client.messages.get_nowait()["more_body"] is False, "the answer is ended, not broken off"


async def test_it_ends_with_the_session() -> None:
    client = Client()
    over = iter([False, False, True])
    task = start(a_stream(Changes(), ended=lambda: next(over)), client)
    assert await client.event("ended") == {}
    await finished(task)


async def test_a_client_that_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SEND_WITHIN_S", 0.05)
    client = Client()
    task = start(a_stream(Changes()), client)
    await client.event("beat")
    client.reads.clear()
    await finished(task)
    assert not client.gone.is_set(), "it was dropped, it did not leave"


async def test_nobody_is_left_waiting_for_a_change() -> None:
    changes, client = Changes(), Client()
    task = start(a_stream(changes), client)
    await client.event("beat")
    client.gone.set()
    await finished(task)
    assert len(asyncio.all_tasks()) == 1


async def test_the_number_of_clients_is_bounded(tmp_path: Path) -> None:
    world: World = a_world(tmp_path, event_clients_max=2)
    app = world.build()
    open_ones = [asyncio.create_task(Browser(app).get("/events")) for _ in range(2)]
    await asyncio.sleep(0.05)
    refused = await Browser(app).get("/events")
    assert (refused.status, refused.header("retry-after")) == (503, "5")
    world.parts.closing.set()
    for answer in await asyncio.gather(*open_ones):
        assert answer.status == 200
        assert answer.header("content-type").startswith("text/event-stream")
        assert b"event: beat" in answer.body
    world.parts.closing.clear()
    again = asyncio.create_task(Browser(app).get("/events"))
    await asyncio.sleep(0.05)
    world.parts.closing.set()
    assert (await again).status == 200


async def test_a_version_already_passed_is_told_at_once() -> None:
    changes = Changes()
    changes.bump()
    async with asyncio.timeout(1):
        assert await changes.wait(0) == 1
    waiting = asyncio.create_task(changes.wait(1))
    await asyncio.sleep(0)
    assert not waiting.done()
    changes.bump()
    assert await waiting == 2
