"""The real gammu-smsd with its dummy modem: sent, delivered, answered, fire first, and a daemon that is gone."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.clock import SystemClock
from gateway.deliver.destination import SendResult
from gateway.deliver.quota import Quota
from gateway.deliver.sms import SmsModem
from gateway.deliver.sms_file import PART_UNITS_MAX, UNITS_MAX
from gateway.deliver.sms_modem import ModemProbe
from gateway.deliver.sms_spool import Spool
from gateway.deliver.wording import Notice
from gateway.metrics import Metrics
from rules.alarm import Category
from rules.effects import Notify
from rules.inputs import Outcome
from tests.deliver_world import incident, notify
from tests.servers import eventually, running
from tests.sms_world import GammuSmsd, text_of, texts_in

pytestmark = pytest.mark.integration

LI = "+8613800138001"


@pytest.fixture
def smsd(tmp_path: Path) -> Iterator[GammuSmsd]:
    daemon = GammuSmsd(tmp_path)
    with running(daemon):
        yield daemon


class Desk:
    """What the courier would record."""

    def __init__(self) -> None:
        self.learnt: list[tuple[str, Outcome]] = []

    async def later(self, told: Notify, result: SendResult) -> bool:
        self.learnt.append((told.message, result.outcome))
        return True


def channel(daemon: GammuSmsd, metrics: Metrics, short: str = "") -> SmsModem:
    clock = SystemClock()
    return SmsModem(
        "sms",
        lambda told: Notice("火警", ("火警",), short or f"【火警】{told.message}", "", "zh"),
        clock,
        Quota(60, 10, clock),
        spool=Spool(daemon.spool),
        standing=lambda _, name: incident(1, id=name),
        tell=lambda *_: None,
        metrics=metrics,
    )


@asynccontextmanager
async def listening(modem: SmsModem, desk: Desk) -> AsyncIterator[None]:
    task = asyncio.create_task(modem.listen(desk.later))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def call(message: str, category: Category = Category.FIRE, later: int = 0) -> Notify:
    told = notify(message, category)
    return replace(told, channel="sms", address=LI, code="27", at=told.at + timedelta(seconds=later))


async def test_a_message_is_sent_delivered_and_answered(smsd: GammuSmsd) -> None:
    smsd.start()
    metrics, desk = Metrics(), Desk()
    modem = channel(smsd, metrics)
    async with listening(modem, desk):
        assert (await modem.send(call("h1:1:1.1"), "h1:1:1.1")).outcome is Outcome.ACCEPTED
        await eventually(lambda: desk.learnt == [("h1:1:1.1", Outcome.SENT)])
        (kept,) = await eventually(lambda: list((smsd.spool / "kept").iterdir()))
        assert text_of(kept) == "【火警】h1:1:1.1 回27接手"
        smsd.report(LI, 255)
        await eventually(lambda: desk.learnt[1:] == [("h1:1:1.1", Outcome.DELIVERED)])
        smsd.reply("13800138001", "２７")
        await eventually(lambda: desk.learnt[2:] == [("h1:1:1.1", Outcome.ANSWERED)])
        await eventually(lambda: "OUTM" in (smsd.spool.parent / "smsd.log").read_text())
    assert metrics.sms_lag_ms > 0
    assert list((smsd.spool / "inbox").iterdir()) == []


async def test_a_message_of_two_parts_leaves_as_two(smsd: GammuSmsd) -> None:
    smsd.start()
    desk = Desk()
    modem = channel(smsd, Metrics(), "火" * UNITS_MAX)
    async with listening(modem, desk):
        await modem.send(call("h1:1:1.1"), "h1:1:1.1")
        await eventually(lambda: desk.learnt == [("h1:1:1.1", Outcome.SENT)])
        (kept,) = await eventually(lambda: list((smsd.spool / "kept").iterdir()))
    assert text_of(kept) == "火" * UNITS_MAX + " 回27接手"
    assert len(text_of(kept)) > PART_UNITS_MAX
    log = (smsd.spool.parent / "smsd.log").read_text()
    assert "(total: 2)" in log


async def test_fire_overtakes_troubles_that_wait(smsd: GammuSmsd) -> None:
    modem = channel(smsd, Metrics())
    for number in (1, 2):
        await modem.send(call(f"trouble-{number}", Category.TROUBLE, number), "")
    await modem.send(call("fire", later=9), "")
    smsd.start()
    sent = smsd.spool / "sent"
    await eventually(lambda: len(texts_in(sent)) == 3)
    log = (smsd.spool.parent / "smsd.log").read_text()
    order = [line.split("Transmitted OUT")[1][0] for line in log.splitlines() if "Transmitted OUT" in line]
    assert order == ["A", "F", "F"]


async def test_the_probe_tells_a_modem_that_is_well_from_a_daemon_that_was_killed(smsd: GammuSmsd) -> None:
    probe = ModemProbe(smsd.smsdrc, smsd.pid_file, 10)
    assert "gammu-smsd does not run" in await probe.trouble()
    smsd.start()
    while trouble := await probe.trouble():
        # Until the daemon has asked its modem for the first time.
        assert "signal is 0 %" in trouble or "not found the modem" in trouble
    assert "signal is 42 % (less than 50 %)" in await ModemProbe(smsd.smsdrc, smsd.pid_file, 50).trouble()
    smsd.stop(signal.SIGKILL)
    assert "gammu-smsd does not run" in await probe.trouble()
    assert await ModemProbe(smsd.smsdrc, None, 10).trouble() == ""
