"""Web push against a push service that checks the signature and decrypts as the phone does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.__main__ import cli
from gateway.deliver.destination import SendResult
from gateway.deliver.quota import Quota
from gateway.deliver.web_push import KeyUnusable, VapidKey, WebPush, endpoint_fault, new_key
from gateway.deliver.wording import compose
from gateway.http import HttpClient
from gateway.record.phones import PhoneBook
from rules.alarm import Category
from rules.effects import Notify
from rules.inputs import Outcome
from tests.deliver_world import START, ManualClock, alarm, notify
from tests.push_service import PhoneKeys, PushService, push_service

HOME, PERSON = "h1", "wang"


@dataclass
class Kit:
    """A gateway's half: phones, their keys by name, and the channel."""

    service: PushService
    http: HttpClient
    phones: PhoneBook
    clock: ManualClock = field(default_factory=ManualClock)
    keys: dict[str, PhoneKeys] = field(default_factory=dict)

    def __post_init__(self) -> None:
        private, self.service.key = new_key()
        self.vapid = VapidKey(private)

    async def phone(self, path: str, person: str = PERSON) -> str:
        """A phone that subscribed."""
        phone, _ = await self.phones.enrol_person(person, (HOME,), f"phone {path}", "chen")
        self.keys[path] = PhoneKeys()
        await self.phones.subscribe(phone.id, self.keys[path].subscription(self.service.endpoint(path)))
        return phone.id

    def channel(self, **changes: object) -> WebPush:
        fields: dict[str, object] = {"timeout_s": 2.0, "services": (self.service.place,), **changes}
        quota = Quota(100, 50, self.clock)
        return WebPush(
            "push",
            self.phones,
            self.vapid,
            "mailto:duty@example.org",
            self.http,
            lambda message: compose(message, None, "u"),
            self.clock,
            quota,
            **fields,  # type: ignore[arg-type]
        )

    async def send(self, call: Notify | None = None, **changes: object) -> SendResult:
        call = call or notify("m1", channel="push", address="")
        return await self.channel(**changes).send(call, call.message)


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[Kit]:
    clock = ManualClock()
    phones = PhoneBook(tmp_path / "phones.db", clock)
    async with push_service() as service, HttpClient() as http:
        yield Kit(service, http, phones, clock)
    phones.close()


async def test_the_phone_reads_what_was_pushed_and_nobody_else(kit: Kit) -> None:
    await kit.phone("/a")
    result = await kit.send()
    assert (result.outcome, result.reference) == (Outcome.ACCEPTED, "/m/1")
    (got,) = kit.service.requests
    said = kit.keys["/a"].read(got.body)
    assert (said["message"], said["incident"], said["danger"]) == ("m1", "h1:1:1.i", True)
    assert "感烟探测器报警" in said["title"]
    assert "感烟".encode() not in got.body
    with pytest.raises(Exception, match="Decryption error"):
        PhoneKeys().read(got.body)


async def test_the_request_is_signed_urgent_short_lived_and_replaces_its_like(kit: Kit) -> None:
    await kit.phone("/a")
    await kit.send(ttl=timedelta(minutes=5))
    await kit.send(notify("m2", Category.TROUBLE, channel="push", address="", alarm=alarm(2, Category.TROUBLE)))
    first, second = kit.service.requests
    assert first.claims["aud"] == f"http://{kit.service.place}"
    assert first.claims["sub"] == "mailto:duty@example.org"
    assert timedelta(0) < timedelta(seconds=first.claims["exp"] - START.timestamp()) <= timedelta(hours=24)
    assert (first.headers["TTL"], first.headers["Urgency"]) == ("300", "high")
    assert first.headers["Content-Encoding"] == "aes128gcm"
    assert second.headers["Urgency"] == "normal"
    assert len(first.headers["Topic"]) == 32
    assert first.headers["Topic"] == second.headers["Topic"], "of one incident the newest is enough"


async def test_a_long_text_still_fits(kit: Kit) -> None:
    await kit.phone("/a")
    await kit.send(notify("m1", channel="push", address="", alarm=alarm(detail="烟" * 5000)))
    (got,) = kit.service.requests
    assert len(got.body) <= 4096
    assert kit.keys["/a"].read(got.body)["text"]


@pytest.mark.parametrize("status", [404, 410])
async def test_a_phone_that_the_service_knows_no_longer_is_forgotten(kit: Kit, status: int) -> None:
    await kit.phone("/a")
    kit.service.says["/a"] = (status, {})
    result = await kit.send()
    assert result.outcome is Outcome.REFUSED
    assert "its subscription is forgotten" in result.detail
    again = await kit.send()
    assert "open the page on the phone" in again.detail
    assert len(kit.service.requests) == 1


async def test_one_of_two_phones_is_enough_and_the_other_is_told_of(kit: Kit) -> None:
    await kit.phone("/a")
    await kit.phone("/b")
    kit.service.says["/b"] = (410, {})
    result = await kit.send()
    assert result.outcome is Outcome.ACCEPTED
    assert result.detail.startswith("1 of 2 phones. phone /b: HTTP 410")


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "wait"),
    [
        pytest.param(429, {"Retry-After": "7"}, Outcome.RETRY, 7.0, id="too_many"),
        pytest.param(503, {}, Outcome.RETRY, 0.0, id="out_of_order"),
        pytest.param(413, {}, Outcome.REFUSED, 0.0, id="too_large"),
        pytest.param(301, {"Location": "http://elsewhere.example"}, Outcome.REFUSED, 0.0, id="moved"),
    ],
)
async def test_what_a_push_service_says(
    kit: Kit, status: int, headers: dict[str, str], outcome: Outcome, wait: float
) -> None:
    await kit.phone("/a")
    kit.service.says["/a"] = (status, headers)
    result = await kit.send()
    assert (result.outcome, result.retry_after) == (outcome, wait)
    assert kit.phones.of_person(HOME, PERSON)[0].push is not None, "the subscription stays"


async def test_another_key_than_the_subscriptions_is_said(kit: Kit) -> None:
    await kit.phone("/a")
    kit.vapid = VapidKey(new_key()[0])
    result = await kit.send()
    assert result.outcome is Outcome.REFUSED
    assert "the key in secret_file is not the phone's" in result.detail


async def test_a_service_that_is_away_is_asked_again(kit: Kit) -> None:
    phone = await kit.phone("/a")
    gone = kit.keys["/a"].subscription("http://127.0.0.1:9/a")
    await kit.phones.subscribe(phone, gone)
    result = await kit.send(services=("127.0.0.1:9",))
    assert result.outcome is Outcome.RETRY


async def test_nothing_goes_to_a_server_that_is_no_push_service(kit: Kit) -> None:
    await kit.phone("/a")
    result = await kit.send(services=("push.example",))
    assert result.outcome is Outcome.REFUSED
    assert "none of the push services" in result.detail
    assert kit.service.requests == []


@pytest.mark.parametrize(
    ("endpoint", "good"),
    [
        pytest.param("https://fcm.googleapis.com/fcm/send/x", True, id="chrome"),
        pytest.param("https://updates.push.services.mozilla.com/wpush/v2/x", True, id="firefox"),
        pytest.param("https://web.push.apple.com/x", True, id="safari"),
        pytest.param("http://fcm.googleapis.com/fcm/send/x", False, id="in_the_clear"),
        pytest.param("https://fcm.googleapis.com.evil.example/x", False, id="looks_alike"),
        pytest.param("https://evilpush.apple.com.example/x", False, id="ends_otherwise"),
        pytest.param("https://fcm.googleapis.com:8443/x", False, id="another_port"),
        pytest.param("https://192.168.1.1/admin", False, id="a_router"),
        pytest.param("https://user@127.0.0.1/x", False, id="ourselves"),
        pytest.param("https://[::1", False, id="broken"),
        pytest.param("", False, id="empty"),
    ],
)
def test_where_may_be_pushed_to(endpoint: str, good: bool) -> None:
    from gateway.deliver.web_push import SERVICES

    assert (endpoint_fault(endpoint, SERVICES) == "") is good


async def test_keys_that_are_none_are_forgotten(kit: Kit) -> None:
    from gateway.record.phones import Subscription

    phone = await kit.phone("/a")
    await kit.phones.subscribe(phone, Subscription(kit.service.endpoint("/a"), "AAAA", "BBBB"))
    result = await kit.send()
    assert result.outcome is Outcome.REFUSED
    assert kit.phones.of_person(HOME, PERSON)[0].push is None


async def test_the_worker_says_when_it_came_and_when_it_was_opened(kit: Kit) -> None:
    await kit.phone("/a")
    channel = kit.channel()
    call = notify("m1", channel="push", address="")
    await channel.send(call, "m1")
    assert channel.receipts.note("m1", PERSON, Outcome.DELIVERED)
    assert channel.receipts.note("m1", PERSON, Outcome.READ)


@pytest.mark.parametrize("text", ["", "zz", "A" * 43, "-----BEGIN PRIVATE KEY-----", "ä" * 43])
def test_a_key_that_is_none_says_how_to_make_one(text: str) -> None:
    with pytest.raises(KeyUnusable, match="anlian webpush keys"):
        VapidKey(text)


def test_the_command_makes_a_key_once(tmp_path: Path) -> None:
    file = tmp_path / "vapid-key"
    runner = CliRunner()
    made = runner.invoke(cli, ["webpush", "keys", str(file)])
    assert made.exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert VapidKey(file.read_text()).public in made.output
    before = file.read_text()
    again = runner.invoke(cli, ["webpush", "keys", str(file)])
    assert again.exit_code == 2
    assert "voids the subscriptions" in again.output
    assert file.read_text() == before
    nowhere = runner.invoke(cli, ["webpush", "keys", str(tmp_path / "no" / "key")])
    assert nowhere.exit_code == 2
    assert "cannot be written" in nowhere.output
