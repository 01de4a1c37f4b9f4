"""The channel over a modem: handed over once, fire first, what is learnt later, replies, and a modem that is gone."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.deliver.destination import SendResult
from gateway.deliver.quota import Quota
from gateway.deliver.sms import SmsModem
from gateway.deliver.sms_file import written
from gateway.deliver.sms_spool import Spool, name_of
from gateway.deliver.wording import compose
from gateway.metrics import Metrics
from rules.alarm import Category
from rules.effects import Notify
from rules.incident import Incident
from rules.inputs import Outcome
from tests.deliver_world import START, ManualClock, incident, notify
from tests.sms_world import make_spool, text_of, texts_in

LI, WANG = "+8613800138001", "13800138002"


def call(
    number: int = 1, address: str = LI, code: str = "27", category: Category = Category.FIRE, **changes: object
) -> Notify:
    told = notify(f"h1:1:{number}.1", category, incident=incident(number, category))
    return replace(told, channel="sms", address=address, code=code, person=f"p{number}", **changes)


class World:
    """A spool in which gammu is played by hand."""

    def __init__(self, folder: Path) -> None:
        self.spool = make_spool(folder)
        self.clock = ManualClock()
        self.metrics = Metrics()
        self.incidents: dict[str, Incident] = {}
        self.troubles: list[tuple[str, bool, str]] = []
        self.learnt: list[tuple[str, Outcome, str]] = []
        self.durable = True
        self.channel = self.started_anew()

    def started_anew(self, **changes: object) -> SmsModem:
        self.channel = SmsModem(
            "sms",
            lambda told: compose(told, None, ""),
            self.clock,
            Quota(60, 10, self.clock),
            spool=Spool(self.spool),
            standing=lambda _, name: self.incidents.get(name),
            tell=lambda *told: self.troubles.append(told),
            metrics=self.metrics,
            carriers=("10086",),
            **changes,  # type: ignore[arg-type]
        )
        return self.channel

    async def later(self, told: Notify, result: SendResult) -> bool:
        self.learnt.append((told.message, result.outcome, result.detail))
        return self.durable

    async def hand_over(self, told: Notify) -> SendResult:
        self.incidents.setdefault(told.incident.id, told.incident)
        return await self.channel.send(told, told.message)

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.clock.elapsed += 0.5
            await self.channel.look(self.later)

    def send_all(self, folder: str = "sent", reference: int = 255) -> None:
        for path in self.spool.glob("outbox/OUT*"):
            body = path.read_bytes().replace(b"MessageReference = 0", b"MessageReference = %d" % reference)
            path.write_bytes(body)
            path.rename(self.spool / folder / path.name)

    def comes(self, number: str, text: str, reference: int = -1) -> None:
        serial = len(list((self.spool / "inbox").iterdir()))
        body = written(number, text, 0).replace(b"MessageReference = 0", b"MessageReference = %d" % max(reference, 0))
        if reference < 0:
            body = body.replace(b"Status_Report", b"Deliver")
        (self.spool / "inbox" / f"IN20261122_211300_{serial:02d}_{number}_00.txt").write_bytes(body)

    async def reply(self, number: str, text: str) -> None:
        self.comes(number, text)
        await self.look(2)

    def files(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.spool / folder).iterdir())


@pytest.fixture
async def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    await made.channel.open()
    return made


async def sent(world: World, told: Notify) -> None:
    await world.hand_over(told)
    world.send_all()
    await world.look()


async def test_handed_over_is_a_file_in_the_outbox_and_twice_is_once(world: World) -> None:
    first = await world.hand_over(call())
    again = await world.hand_over(call())
    assert (first.outcome, first.detail) == (Outcome.ACCEPTED, "in the outbox")
    assert (again.outcome, again.detail) == (Outcome.ACCEPTED, "it was in outbox already")
    (text,) = texts_in(world.spool / "outbox")
    assert text == "【火警】h1 east-1 smoke-101 感烟探测器报警 11-22 00:15:30 UTC 回27接手"


async def test_after_a_restart_nothing_is_sent_twice(world: World) -> None:
    await sent(world, call())
    world.started_anew()
    await world.channel.open()
    result = await world.hand_over(call())
    assert result.detail == "it was in kept already"
    assert world.files("outbox") == []


async def test_a_file_is_whole_when_gammu_can_see_it(world: World) -> None:
    await world.hand_over(call())
    (path,) = (world.spool / "outbox").iterdir()
    assert path.stat().st_mode & 0o777 == 0o660
    assert path.read_bytes().endswith(b"MessageReference = 0\n\n")


async def test_gammu_sends_fire_first_and_what_is_over_last(world: World) -> None:
    await world.hand_over(call(1, category=Category.TROUBLE))
    await world.hand_over(call(2, category=Category.PERSON))
    await world.hand_over(call(3, WANG, category=Category.FIRE, at=START + timedelta(hours=1)))
    await world.hand_over(call(4, category=Category.FIRE, purpose="over"))
    order = [name[3] for name in world.files("outbox")]
    assert order == ["A", "C", "F", "M"]
    assert name_of(call(3, WANG, at=START), WANG).startswith("OUTA20261122_001530_000_13800138002_")


BAD = [
    pytest.param("", "no number in the site file", id="none"),
    pytest.param("../../etc", "a number has 5 to 15 digits", id="a_path"),
    pytest.param("123", "a number has 5 to 15 digits", id="short"),
    pytest.param("li@example.org", "a number has 5 to 15 digits", id="a_mail_address"),
]


@pytest.mark.parametrize(("address", "words"), BAD)
async def test_an_address_that_is_no_number_is_refused(world: World, address: str, words: str) -> None:
    result = await world.hand_over(call(address=address))
    assert result.outcome is Outcome.REFUSED
    assert words in result.detail
    assert world.files("outbox") == []


async def test_spaces_and_hyphens_in_a_number_are_no_fault(world: World) -> None:
    await world.hand_over(call(address="+86 138-0013-8001"))
    assert LI in world.files("outbox")[0]


async def test_sent_and_delivered_are_learnt_with_their_times(world: World) -> None:
    await sent(world, call())
    world.comes(LI, "Delivered", 255)
    await world.look(2)
    assert world.learnt == [
        ("h1:1:1.1", Outcome.SENT, "sent after 0.5 s"),
        ("h1:1:1.1", Outcome.DELIVERED, "delivered after 1.5 s"),
    ]
    assert world.metrics.sms_sent == 1
    assert world.metrics.sms_lag_ms == 500
    assert world.files("inbox") == []
    assert world.files("kept")[0].endswith(".delivered")


async def test_a_report_is_of_the_number_and_reference_that_it_names(world: World) -> None:
    await sent(world, call(1))
    await sent(world, call(2, WANG))
    world.learnt.clear()
    world.comes(WANG, "Delivered", 255)
    world.comes(LI, "Delivered", 254)
    world.comes("13800138009", "Delivered", 255)
    await world.look(2)
    assert [(message, outcome) for message, outcome, _ in world.learnt] == [("h1:1:2.1", Outcome.DELIVERED)]


STATUSES = [
    pytest.param("Failed", [Outcome.REFUSED], id="failed"),
    pytest.param("Pending", [], id="pending"),
    pytest.param("Unknown", [], id="unknown"),
]


@pytest.mark.parametrize(("words", "outcomes"), STATUSES)
async def test_what_a_report_means(world: World, words: str, outcomes: list[Outcome]) -> None:
    await sent(world, call())
    world.learnt.clear()
    world.comes(LI, words, 255)
    await world.look(2)
    assert [outcome for _, outcome, _ in world.learnt] == outcomes


async def test_what_the_modem_could_not_send_is_refused(world: World) -> None:
    await world.hand_over(call())
    world.send_all("error")
    await world.look()
    assert world.learnt == [("h1:1:1.1", Outcome.REFUSED, "the modem could not send it")]
    assert world.files("error") == []
    assert world.metrics.sms_failed == 1


async def test_a_reply_with_the_code_takes_it_on_and_is_answered(world: World) -> None:
    await sent(world, call())
    world.learnt.clear()
    await world.reply("13800138001", "27")
    assert world.learnt == [("h1:1:1.1", Outcome.ANSWERED, "replied with 27")]
    assert texts_in(world.spool / "outbox") == ["已记录：编号27由您接手。请到场查看。"]
    assert world.files("inbox") == []
    assert world.metrics.sms_replies == 1


async def test_a_reply_after_a_restart_takes_it_on_too(world: World) -> None:
    await sent(world, call())
    world.learnt.clear()
    world.started_anew()
    await world.channel.open()
    await world.reply(LI, "27")
    assert [outcome for _, outcome, _ in world.learnt] == [Outcome.ANSWERED]


async def test_a_code_belongs_to_the_numbers_that_it_was_sent_to(world: World) -> None:
    await sent(world, call(1, LI, "27"))
    await sent(world, call(2, WANG, "31"))
    world.learnt.clear()
    await world.reply(WANG, "27")
    assert world.learnt == []
    assert world.metrics.sms_replies_unknown == 1
    assert texts_in(world.spool / "outbox") == ["未识别。请只回复短信里的两位编号；紧急情况请直接打电话。"]


async def test_a_strangers_message_is_counted_thrown_away_and_not_answered(world: World) -> None:
    await sent(world, call())
    world.learnt.clear()
    await world.reply("+8613900000000", "27")
    assert world.learnt == []
    assert world.metrics.sms_strangers == 1
    assert (world.files("inbox"), world.files("outbox")) == ([], [])


async def test_of_two_messages_with_one_code_the_reply_is_to_the_open_one(world: World) -> None:
    await sent(world, call(1))
    await sent(world, call(2))
    del world.incidents[call(2).incident.id]
    world.learnt.clear()
    await world.reply(LI, "27")
    assert [message for message, _, _ in world.learnt] == ["h1:1:1.1"]


async def test_a_reply_to_what_is_over_is_told_so(world: World) -> None:
    await sent(world, call())
    world.incidents.clear()
    world.learnt.clear()
    await world.reply(LI, "27")
    assert world.learnt == []
    assert texts_in(world.spool / "outbox") == ["编号27的事件已结束。"]


async def test_a_reply_after_somebody_else_is_recorded_and_told_so(world: World) -> None:
    await sent(world, call())
    world.incidents[call().incident.id] = incident(1, acknowledged_by="wang")
    await world.reply(LI, "27")
    assert world.learnt[-1][1] is Outcome.ANSWERED
    assert texts_in(world.spool / "outbox") == ["编号27已由他人接手，您的回复也已记录。"]


async def test_a_number_is_answered_once_a_minute_at_most(world: World) -> None:
    await sent(world, call())
    for text in ("谁", "什么", "喂"):
        await world.reply(LI, text)
    assert len(world.files("outbox")) == 1
    assert world.metrics.sms_replies_unknown == 3


async def test_a_message_is_read_once_it_has_stopped_growing(world: World) -> None:
    await sent(world, call())
    world.comes(LI, "2")
    await world.look()
    world.comes(LI, "27")
    (path, _) = sorted((world.spool / "inbox").iterdir())
    path.write_bytes(written(LI, "27", 0).replace(b"Status_Report", b"Deliver"))
    await world.look()
    assert world.metrics.sms_replies_unknown == 0
    await world.look()
    assert world.metrics.sms_replies == 2


async def test_what_the_journal_does_not_take_stays_and_is_said_once(world: World) -> None:
    await world.hand_over(call())
    world.send_all()
    world.durable = False
    await world.look(3)
    world.comes(LI, "27")
    await world.look(4)
    assert [outcome for _, outcome, _ in world.learnt] == [Outcome.SENT, Outcome.ANSWERED]
    assert (len(world.files("sent")), len(world.files("inbox"))) == (1, 1)
    world.durable = True
    world.started_anew()
    await world.channel.open()
    await world.look(2)
    assert (world.files("sent"), world.files("inbox")) == ([], [])


async def test_a_full_outbox_takes_dangers_only(world: World) -> None:
    world.started_anew(queue_max=2)
    for number in (1, 2):
        await world.hand_over(call(number, category=Category.TROUBLE))
    await world.look()
    third = await world.hand_over(call(3, category=Category.TROUBLE))
    fire = await world.hand_over(call(4))
    assert (third.outcome, fire.outcome) == (Outcome.RETRY, Outcome.ACCEPTED)
    assert third.detail == "2 messages wait for the modem"


async def test_a_modem_that_sends_nothing_is_a_trouble_and_the_plan_moves_on(world: World) -> None:
    await world.hand_over(call())
    await world.look()
    world.clock.elapsed += 90
    await world.look()
    assert world.learnt == [("h1:1:1.1", Outcome.REFUSED, "the modem did not send it within 90 s; withdrawn")]
    assert world.files("outbox") == []
    (link, up, words) = world.troubles[1]
    assert (link, up) == ("sms-modem:sms", False)
    assert "nothing was sent for 90 s while 1 messages waited" in words
    await world.hand_over(call(2))
    world.send_all()
    await world.look()
    assert world.troubles[-1] == ("sms-modem:sms", True, "")


async def test_a_long_queue_that_moves_is_no_trouble(world: World) -> None:
    for number in range(1, 5):
        await world.hand_over(call(number))
    await world.look()
    for _ in range(3):
        world.clock.elapsed += 60
        path = min((world.spool / "outbox").glob("OUT*"))
        path.rename(world.spool / "sent" / path.name)
        await world.look()
    assert world.troubles == [("sms-modem:sms", True, "")]


async def test_a_withdrawn_message_that_went_out_all_the_same_can_be_replied_to(world: World) -> None:
    await world.hand_over(call())
    await world.look()
    world.clock.elapsed += 90
    await world.look()
    await world.reply(LI, "27")
    assert world.learnt[-1][1] is Outcome.ANSWERED


async def test_who_is_told_that_it_is_over_is_not_called_to_it_afterwards(world: World) -> None:
    await world.hand_over(call())
    other_incident = call(2, WANG)
    await world.hand_over(other_incident)
    other_person = replace(call(), message="h1:1:1.2", person="p9", address="13800138009")
    await world.hand_over(other_person)
    over = replace(call(), message="h1:1:9.1", purpose="over")
    await world.hand_over(over)
    assert [name.split("_")[3] for name in world.files("outbox")] == [WANG, "13800138009", LI]
    assert "回27" not in text_of(world.spool / "outbox" / world.files("outbox")[2])


async def test_the_operators_words_about_credit_are_a_trouble_over_a_restart(world: World) -> None:
    world.comes("10086", "您的余额不足10元")
    await world.look(2)
    assert world.troubles == [("sms-modem:sms", True, ""), ("sms-credit:sms", False, "您的余额不足10元")]
    world.started_anew()
    world.troubles.clear()
    await world.channel.open()
    assert world.troubles[0] == ("sms-credit:sms", False, "您的余额不足10元")
    world.comes("10086", "充值成功50元")
    await world.look(2)
    assert world.troubles[-1] == ("sms-credit:sms", True, "")
    assert world.metrics.sms_strangers == 0


async def test_only_the_newest_messages_are_kept(world: World) -> None:
    world.started_anew(kept_max=3)
    for number in (1, 2, 3, 4):
        await sent(world, call(number, at=START + timedelta(seconds=number)))
    assert [name.split("_")[1] for name in world.files("kept")] == ["001532", "001533", "001534"]
    world.started_anew(kept_max=2)
    await world.channel.open()
    assert [name.split("_")[1] for name in world.files("kept")] == ["001533", "001534"]


async def test_without_its_folders_it_says_which_are_missing(world: World, tmp_path: Path) -> None:
    (world.spool / "outbox").rmdir()
    with pytest.raises(OSError, match="the folders outbox are missing"):
        await world.channel.open()
    assert world.troubles[-1][:2] == ("sms-modem:sms", False)
    result = await world.hand_over(call())
    assert result.outcome is Outcome.RETRY
    assert "the outbox of the SMS daemon: No such file" in result.detail
    (world.spool / "outbox").mkdir()
    await world.channel.open()
    assert world.troubles[-1] == ("sms-modem:sms", True, "")


class Probe:
    """A modem whose states are given."""

    def __init__(self, *troubles: str) -> None:
        self._troubles = list(troubles)

    async def trouble(self) -> str:
        return self._troubles.pop(0) if len(self._troubles) > 1 else self._troubles[0]


async def test_a_modem_in_trouble_is_told_once_a_second_look_finds_it_too(world: World) -> None:
    probe = Probe("no signal", "", "no signal", "no signal", "")
    task = asyncio.create_task(world.channel.watch(probe))  # type: ignore[arg-type]
    world.troubles.clear()
    try:
        await world.clock.advance(5)
        assert world.troubles == [("sms-modem:sms", True, "")]
        await world.clock.advance(65)
        assert world.troubles[1:] == [("sms-modem:sms", False, "no signal")]
        await world.clock.advance(60)
        assert world.troubles[2:] == [("sms-modem:sms", True, "")]
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
