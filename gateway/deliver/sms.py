"""Short messages over a modem of our own, by gammu's SMS daemon: works with the Internet gone.

Handed over is a file in the daemon's outbox; sent, failed, delivered and answered are learnt from its folders later.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.deliver.destination import Later, SendResult
from gateway.deliver.message_channel import MessageChannel, Words, refused, retry
from gateway.deliver.quota import Quota
from gateway.deliver.sms_file import Received
from gateway.deliver.sms_modem import ModemProbe
from gateway.deliver.sms_reply import code_in, credit_in, plain_number
from gateway.deliver.sms_spool import DELIVERED, KEPT_MAX, WITHDRAWN, Letter, Look, Note, Spool
from gateway.deliver.sms_text import Answer, answer_text, message_text
from gateway.deliver.wording import Notice
from gateway.metrics import Metrics
from rules.alarm import Category
from rules.effects import Notify
from rules.incident import Incident
from rules.inputs import Outcome

log = structlog.get_logger("sms")

_NUMBER = re.compile(r"\+?[0-9]{5,15}")
_PROBE_EVERY_S: Final = 60.0
_PROBE_AGAIN_S: Final = 5.0
_ANSWER_EVERY: Final = timedelta(minutes=1)
_ANSWERED_MAX: Final = 256
_TOLD_MAX: Final = 1000
_REPORTED = {"Delivered": Outcome.DELIVERED, "Failed": Outcome.REFUSED}
"""Gammu's words for a report's status (TS 23.040 section 9.2.3.15); "Pending" and "Unknown" end nothing."""

Standing = Callable[[str, str], Incident | None]
"""The incident (home, id) as it is now; None once it is closed."""


class SmsModem(MessageChannel):
    """One modem. A person's address is a number; a reply with a message's code from that number takes the incident on.

    A reply never gives a verdict and never resets. Nothing is sent to numbers that were sent nothing. Limits:
    `kept_max` messages can still be reported on or replied to, the oldest are forgotten;
    `queue_max` messages wait in the outbox, beyond which only dangers to people are put there; where nothing is sent
    for `send_within_s`, what waits is withdrawn and said to be refused, so that the plan moves on and nobody gets it
    hours late, and of what is no danger only one message at a time is tried.
    """

    def __init__(
        self,
        name: str,
        words: Words,
        clock: Clock,
        quota: Quota,
        *,
        spool: Spool,
        standing: Standing,
        tell: Callable[[str, bool, str], None],
        metrics: Metrics,
        probe: ModemProbe | None = None,
        carriers: tuple[str, ...] = (),
        send_within_s: float = 90.0,
        queue_max: int = 20,
        kept_max: int = KEPT_MAX,
        look_every_s: float = 0.5,
        timeout_s: float = 5.0,
    ) -> None:
        super().__init__(name, words, clock, quota, timeout_s=timeout_s)
        self._spool = spool
        self._standing = standing
        self._tell = tell
        self._metrics = metrics
        self._probe = probe
        self._carriers = frozenset(plain_number(number) for number in carriers)
        self._send_within_s = send_within_s
        self._queue_max = queue_max
        self._kept_max = kept_max
        self._look_every_s = look_every_s
        self._kept: dict[str, Letter] = {}
        self._waiting: dict[str, float] = {}
        self._moved_at = clock.monotonic()
        self._stuck = False
        self._told: set[str] = set()
        self._answered: dict[str, datetime] = {}

    def address_fault(self, address: str) -> str:
        if not address:
            return "no number in the site file"
        return "" if _NUMBER.fullmatch(_number(address)) else "a number has 5 to 15 digits, with or without +"

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:  # noqa: ARG002  it is in notify
        danger = notify.alarm.category.endangers_people
        if not danger and len(self._waiting) >= (1 if self._stuck else self._queue_max):
            return retry(f"{len(self._waiting)} messages wait for the modem", self._look_every_s)
        text = message_text(notice, "" if notify.purpose == "over" else notify.code)
        try:
            if notify.purpose == "over":
                await asyncio.to_thread(self._withdraw_calls, notify)
            found = await asyncio.to_thread(
                self._spool.put, notify, _number(notify.address), text, self._clock.wall()
            )
        except OSError as error:
            return retry(f"the outbox of the SMS daemon: {error.strerror or error}")
        if found == "error":
            return refused("the modem could not send it")
        return SendResult(Outcome.ACCEPTED, detail=f"it was in {found} already" if found else "in the outbox")

    def _withdraw_calls(self, over: Notify) -> None:
        """Who is told that it is over must not be called to it afterwards."""
        for letter in self._spool.waiting():
            note = letter.note
            if note is not None and note.notify.incident.id == over.incident.id and note.notify.person == over.person:
                self._spool.keep(letter, "outbox", WITHDRAWN)

    async def listen(self, later: Later) -> None:
        """Look into the folders for what became of messages, and for replies, until cancelled."""
        await self.open()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(later))
            if self._probe is not None:
                group.create_task(self.watch(self._probe))

    async def open(self) -> None:
        """Find again what was sent before the last end; OSError where there is no spool."""
        missing = await asyncio.to_thread(self._spool.missing)
        if missing:
            words = f"the folders {', '.join(missing)} are missing or closed to us"
            self._tell(f"sms-modem:{self.name}", False, f"{words}: see the README, short messages")
            raise OSError(words)
        self._kept = {letter.name: letter for letter in await asyncio.to_thread(self._spool.kept, self._kept_max)}
        credit = await asyncio.to_thread(self._spool.credit)
        if credit:
            self._tell(f"sms-credit:{self.name}", False, credit)
        if self._probe is None:
            self._tell(f"sms-modem:{self.name}", True, "")

    async def _follow(self, later: Later) -> None:
        while True:
            await self.look(later)
            await self._clock.sleep(self._look_every_s)

    async def look(self, later: Later) -> None:
        """One look into the folders, and what follows from it."""
        look = await asyncio.to_thread(self._spool.look)
        for letter in look.sent:
            await self._was_sent(letter, later)
        for letter in look.failed:
            await self._could_not_send(letter, later)
        for name, received in look.received:
            await self._came_in(name, received, later)
        await self._watch_outbox(look, later)

    async def _was_sent(self, letter: Letter, later: Later) -> None:
        if letter.note is None:
            await asyncio.to_thread(self._spool.forget, "sent", letter.name)
            return
        if letter.name in self._told:
            return
        lag = self._clock.wall() - letter.note.handed_at
        self._metrics.sms_sent += 1
        self._metrics.sms_lag_ms = round(lag / timedelta(milliseconds=1))
        detail = f"sent after {lag.total_seconds():.1f} s"
        self._kept[letter.name] = letter
        if await later(letter.note.notify, SendResult(Outcome.SENT, str(letter.reference), detail)):
            await self._keep(letter, "sent")
        else:
            self._remember_told(letter.name)

    async def _could_not_send(self, letter: Letter, later: Later) -> None:
        if letter.name in self._told:
            return
        self._metrics.sms_failed += 1
        result = SendResult(Outcome.REFUSED, detail="the modem could not send it")
        if letter.note is None or await later(letter.note.notify, result):
            await asyncio.to_thread(self._spool.forget, "error", letter.name)
        else:
            self._remember_told(letter.name)

    async def _keep(self, letter: Letter, folder: str, state: str = "") -> None:
        self._kept.pop(letter.name, None)
        moved = await asyncio.to_thread(self._spool.keep, letter, folder, state)
        if moved is not None:
            self._kept[moved.name] = moved
        while len(self._kept) > self._kept_max:
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            await asyncio.to_thread(self._spool.forget, "kept", oldest)

    def _remember_told(self, name: str) -> None:
        """The journal did not take it: the file stays for the next start, and is not said again until then."""
        if len(self._told) >= _TOLD_MAX:
            self._told.clear()
        self._told.add(name)

    async def _came_in(self, name: str, received: Received | None, later: Later) -> None:
        if name in self._told:
            return
        done = True
        if received is None:
            self._metrics.sms_strangers += 1
        elif received.report:
            done = await self._delivered(received, later)
        elif plain_number(received.number) in self._carriers:
            await self._carrier_said(received.text)
        else:
            done = await self._replied(received, later)
        if done:
            await asyncio.to_thread(self._spool.forget, "inbox", name)
        else:
            self._remember_told(name)

    def _letters_to(self, number: str) -> list[tuple[Note, Letter]]:
        """What was sent to a number, newest first."""
        number = plain_number(number)
        mine = [
            (letter.note, letter)
            for letter in self._kept.values()
            if letter.note is not None and plain_number(letter.note.notify.address) == number
        ]
        return sorted(mine, key=lambda pair: pair[0].handed_at, reverse=True)

    async def _delivered(self, report: Received, later: Later) -> bool:
        """What the network says of a message: the newest to that number under that reference (of one octet)."""
        outcome = _REPORTED.get(report.text.strip())
        of_it = [pair for pair in self._letters_to(report.number) if pair[1].reference == report.reference]
        open_ones = [pair for pair in of_it if pair[1].state != DELIVERED]
        if outcome is None or not open_ones:
            return True
        note, letter = open_ones[0]
        lag = self._clock.wall() - note.handed_at
        words = "delivered" if outcome is Outcome.DELIVERED else "the network could not deliver it, known"
        self._metrics.sms_failed += outcome is Outcome.REFUSED
        result = SendResult(outcome, str(report.reference), f"{words} after {lag.total_seconds():.1f} s")
        if not await later(note.notify, result):
            return False
        await self._keep(letter, "kept", DELIVERED)
        return True

    async def _carrier_said(self, text: str) -> None:
        """The operator speaks: of the card's credit we make a trouble, of anything else nothing."""
        mended = credit_in(text)
        if mended is None:
            return
        words = "" if mended else text.strip()[:200]
        await asyncio.to_thread(self._spool.remember_credit, words)
        self._tell(f"sms-credit:{self.name}", mended, words)

    async def _replied(self, reply: Received, later: Later) -> bool:
        """Somebody answered. True once it needs no further care."""
        letters = self._letters_to(reply.number)
        if not letters:
            self._metrics.sms_strangers += 1
            log.info("a short message of a number that was sent none is thrown away", channel=self.name)
            return True
        code = code_in(reply.text)
        named = [note.notify for note, _ in letters if code and note.notify.code == code]
        standing = ((each, self._standing(each.incident.home, each.incident.id)) for each in named)
        taken = next(((each, incident) for each, incident in standing if incident is not None), None)
        if taken is None:
            self._metrics.sms_replies_unknown += 1
            about = named[0] if named else letters[0][0].notify
            await self._answer(about, Answer.OVER if named else Answer.UNKNOWN, code)
            return True
        notify, incident = taken
        self._metrics.sms_replies += 1
        durable = await later(notify, SendResult(Outcome.ANSWERED, detail=f"replied with {code}"))
        by_another = incident.acknowledged_by not in ("", notify.person)
        await self._answer(notify, Answer.BY_ANOTHER if by_another else Answer.TAKEN, code)
        return durable

    async def _answer(self, about: Notify, answer: Answer, code: str) -> None:
        """Tell who replied what came of it; at most once a minute to one number, and never out of danger's share."""
        now, number = self._clock.wall(), plain_number(about.address)
        last = self._answered.get(number)
        if (last is not None and now - last < _ANSWER_EVERY) or self._quota.take(Category.TROUBLE):
            return
        if len(self._answered) >= _ANSWERED_MAX:
            self._answered.clear()
        self._answered[number] = now
        text = answer_text(answer, code, self._words(about).language)
        try:
            await asyncio.to_thread(self._spool.answer, _number(about.address), text, now)
        except OSError as error:
            log.warning("no answer to a reply", channel=self.name, error=error.strerror or str(error))

    async def _watch_outbox(self, look: Look, later: Later) -> None:
        """Notice a modem that sends nothing; withdraw then what waited too long."""
        now = self._clock.monotonic()
        if look.sent or look.failed:
            self._moved_at = now
        self._waiting = {name: self._waiting.get(name, now) for name in look.waiting}
        self._metrics.sms_waiting = len(self._waiting)
        late = [name for name, since in self._waiting.items() if now - since >= self._send_within_s]
        if late and now - self._moved_at >= self._send_within_s:
            self._stuck = True
            words = f"nothing was sent for {self._send_within_s:g} s while {len(late)} messages waited"
            self._tell(f"sms-modem:{self.name}", False, f"{words}: look at the modem, its card and gammu-smsd")
            await self._withdraw(set(late), later)
        elif self._stuck and look.sent:
            self._stuck = False
            self._tell(f"sms-modem:{self.name}", True, "")

    async def _withdraw(self, late: set[str], later: Later) -> None:
        for letter in await asyncio.to_thread(self._spool.waiting):
            if letter.name not in late:
                continue
            self._waiting.pop(letter.name, None)
            if letter.note is None:
                await asyncio.to_thread(self._spool.forget, "outbox", letter.name)
                continue
            await self._keep(letter, "outbox", WITHDRAWN)
            why = f"the modem did not send it within {self._send_within_s:g} s; withdrawn"
            self._metrics.sms_failed += 1
            await later(letter.note.notify, SendResult(Outcome.REFUSED, detail=why))

    async def watch(self, probe: ModemProbe) -> None:
        """Ask the daemon once a minute how the modem is, until cancelled; what a second look does not find is none."""
        while True:
            trouble = await probe.trouble()
            if trouble:
                await self._clock.sleep(_PROBE_AGAIN_S)
                trouble = await probe.trouble()
            if not self._stuck:
                self._tell(f"sms-modem:{self.name}", not trouble, trouble)
            await self._clock.sleep(_PROBE_EVERY_S)


def _number(address: str) -> str:
    return address.replace(" ", "").replace("-", "")
