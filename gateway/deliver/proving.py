"""When a channel of a person is to be tested: how loud its kind is, and the instants that follow from that.

Silent kinds are tested at any time of the day, each person at an instant of its own; what a person sees comes when its
shift begins (or at a set time, for those who hold no post); a call comes once a week in the daytime.
"""

from __future__ import annotations

import enum
import hashlib
from datetime import datetime, time, timedelta
from typing import Final

import msgspec

from rules.reachability import ChannelProof, Standing


class Loudness(enum.StrEnum):
    """What the person notices of a test."""

    SILENT = "silent"
    VISIBLE = "visible"
    VOICE = "voice"


class Proving(msgspec.Struct, frozen=True):
    """How a kind of channel proves itself.

    `answer_within`: only a later word (delivered, read, confirmed by the link) within it proves the channel; None: the
    hand-over does. `lag_max`: later than this is late. `while_open`: it reaches a phone only while its page is open, so
    that it was not reached says nothing.
    """

    loudness: Loudness
    lag_max: timedelta
    answer_within: timedelta | None = None
    while_open: bool = False


_SECOND: Final = timedelta(seconds=1)
_HOUR: Final = timedelta(hours=1)
_WEEK: Final = timedelta(days=7)
_QUICK: Final = Proving(Loudness.SILENT, lag_max=10 * _SECOND)
_SEEN: Final = Proving(Loudness.VISIBLE, lag_max=60 * _SECOND, answer_within=4 * _HOUR)
_CALL: Final = Proving(Loudness.VOICE, lag_max=90 * _SECOND)

KINDS: Final[dict[str, Proving]] = {
    "webhook": _QUICK,
    "ntfy": _QUICK,
    "bark": _QUICK,
    "mail": Proving(Loudness.SILENT, lag_max=30 * _SECOND),
    "live": Proving(Loudness.SILENT, lag_max=5 * _SECOND, while_open=True),
    # Handed to the push service is not arrived: idle phones show a push 10 to 16 minutes late (anchors sheet no. 35).
    "web-push": Proving(Loudness.SILENT, lag_max=60 * _SECOND, answer_within=_HOUR),
    "voice-line": _CALL,
    "aliyun-voice": _CALL,
    "tencent-voice": _CALL,
}
"""By the kind in the settings; any other kind (SMS, chat robots, …) shows one message that its holder confirms."""

SILENT_EVERY: Final = timedelta(days=1)
RETRY_EVERY: Final = _HOUR
"""A silent channel that failed is tested every hour, so that its trouble ends when it works again."""

SUSPECT_AFTER: Final = timedelta(seconds=60)
FIRST_AFTER: Final = timedelta(seconds=60)
FIRST_SPREAD: Final = timedelta(minutes=10)
VISIBLE_SPREAD: Final = timedelta(minutes=30)
VOICE_FROM: Final = time(10)
VOICE_SPREAD: Final = timedelta(minutes=90)
DAY_FROM, DAY_UNTIL = time(7, 30), time(20, 30)
"""The daytime: outside it nobody is disturbed by a test, but by one at the beginning of a shift."""

WORKDAYS: Final = 5
HOLDS: Final = timedelta(hours=30)
"""A daily test that is put off by a danger for some hours is not missing yet."""
HOLDS_FOR_A_WEEK: Final = timedelta(days=8)


def proving_of(kind: str) -> Proving:
    """How a kind of channel proves itself."""
    return KINDS.get(kind, _SEEN)


def phase_of(home: str, person: str, channel: str) -> float:
    """Where in each span of time this channel's instant lies, 0 to 1: always the same, and spread over all of them."""
    return int.from_bytes(hashlib.sha256(f"{home}/{person}/{channel}".encode()).digest()[:4]) / 2**32


class Occasion(msgspec.Struct, frozen=True):
    """What decides whether a test is due, beside the clock. `local` is now as the home's clock shows it.

    `shift_began_at`: when the person came on duty last, None for those who hold no post; `visible_at`: when these are
    shown their test.
    """

    now: datetime
    local: datetime
    started_at: datetime
    phase: float
    shift_began_at: datetime | None = None
    holds_post: bool = False
    visible_at: time = time(8, 30)

    @property
    def is_daytime(self) -> bool:
        """Whether a person may be disturbed by a test."""
        return DAY_FROM <= self.local.time() < DAY_UNTIL

    def today_at(self, at: time, spread: timedelta) -> datetime:
        """The instant of this channel today, behind a time of the home's day."""
        begins = self.local.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
        return self.now + (begins + spread * self.phase - self.local)


def holds_for(way: Proving, occasion: Occasion) -> timedelta:
    """How long a test of this kind counts, for this person."""
    if way.loudness is Loudness.VOICE or (way.loudness is Loudness.VISIBLE and occasion.holds_post):
        return HOLDS_FOR_A_WEEK
    return HOLDS


def is_due(way: Proving, proof: ChannelProof | None, occasion: Occasion) -> bool:
    """Whether a channel is to be tested now."""
    if occasion.now < occasion.started_at + FIRST_AFTER + FIRST_SPREAD * occasion.phase:
        return False
    tested_at = proof.tested_at if proof is not None else None
    if proof is not None and _is_asked_again(way, proof, occasion):
        return True
    match way.loudness:
        case Loudness.SILENT:
            slot = occasion.today_at(time(0), SILENT_EVERY)
            slot = slot if slot <= occasion.now else slot - SILENT_EVERY
            return tested_at is None or tested_at < slot
        case Loudness.VISIBLE:
            if occasion.holds_post:
                began = occasion.shift_began_at
                return began is not None and (tested_at is None or tested_at < began)
            slot = occasion.today_at(occasion.visible_at, VISIBLE_SPREAD)
            return occasion.is_daytime and slot <= occasion.now and (tested_at is None or tested_at < slot)
        case Loudness.VOICE:
            return _voice_is_due(tested_at, occasion)


def _voice_is_due(tested_at: datetime | None, occasion: Occasion) -> bool:
    """Once a week, on a workday of its own; what was missed comes at the next daytime."""
    days = (occasion.local.weekday() - int(occasion.phase * WORKDAYS)) % 7
    slot = occasion.today_at(VOICE_FROM, VOICE_SPREAD) - timedelta(days=days)
    if slot > occasion.now:
        slot -= _WEEK
    if not VOICE_FROM <= occasion.local.time() < time(17) or occasion.local.weekday() >= WORKDAYS:
        return False
    if tested_at is None:
        # A new phone waits for its own day, or all would ring on the first.
        return slot >= occasion.started_at or occasion.now - occasion.started_at > _WEEK
    return tested_at < slot


def _is_asked_again(way: Proving, proof: ChannelProof, occasion: Occasion) -> bool:
    """Whether something speaks for a further test: an alarm's message was refused there, or the last test failed."""
    rested = occasion.now - proof.tested_at >= RETRY_EVERY
    if proof.suspect_at is not None and occasion.now - proof.suspect_at >= SUSPECT_AFTER:
        return rested and (way.loudness is Loudness.SILENT or occasion.is_daytime)
    failed = proof.standing in (Standing.FAILED, Standing.LATE)
    return way.loudness is Loudness.SILENT and failed and rested
