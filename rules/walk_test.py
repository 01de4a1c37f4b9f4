"""The walk test (自检): what a tester proves detector by detector, as plain data."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

import msgspec

from rules.alarm import Category
from rules.proof import CALL_POINT
from rules.site import Device

TIME_LIMIT_DEFAULT = timedelta(hours=1)
TIME_LIMIT_MIN = timedelta(minutes=1)
TIME_LIMIT_MAX = timedelta(hours=4)
"""A forgotten test ends by itself after its limit (design numbers)."""

ARMED_FOR = timedelta(seconds=60)
"""How long a detector counts as the one that the tester is at, from his tap on its button (design number)."""

CLEARS_WITHIN = timedelta(minutes=2)
"""A test alarm that has not cleared by then is a real one (design number)."""

REAL_MAX = 100
"""Real alarms that a walk test carries with it; the journal has them all."""


class ProofKind(enum.StrEnum):
    """How a detector was proven: by its alarm, or by its word that it tests itself (`test`)."""

    ALARM = "alarm"
    SELF_TEST = "self_test"


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """One detector ticked off. Its test alarm (`alarm`) cleared in time, or became a real one, and why."""

    device: str
    at: datetime
    kind: ProofKind
    alarm: str = ""
    point: str = ""
    value: str = ""
    cleared_at: datetime | None = None
    real_at: datetime | None = None
    real_because: str = ""

    @property
    def clean(self) -> bool:
        """Whether it went as it should: the signal came, and went again in time."""
        return self.real_at is None and (self.kind is ProofKind.SELF_TEST or self.cleared_at is not None)


class RealAlarm(msgspec.Struct, frozen=True):
    """An alarm of the home that was a real one while the test ran."""

    alarm: str
    device: str
    zone: str
    category: Category
    at: datetime


class Armed(msgspec.Struct, frozen=True):
    """The detector that the tester says he is at, from when and how long that holds."""

    device: str
    at: datetime
    until: datetime


class WalkTest(msgspec.Struct, frozen=True, kw_only=True):
    """One walk test, whole. `zones` empty: the whole home. `targets` are the detectors to be proven."""

    id: str
    home: str
    tester: str
    started_at: datetime
    ends_at: datetime
    zones: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    armed: Armed | None = None
    proofs: tuple[Proof, ...] = ()
    real: tuple[RealAlarm, ...] = ()
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_because: str = ""

    def covers(self, zone: str) -> bool:
        """Whether a zone is in the scope."""
        return not self.zones or zone in self.zones

    def proof_of(self, device: str) -> Proof | None:
        """How this device was proven, or None."""
        return next((proof for proof in self.proofs if proof.device == device), None)

    @property
    def proven(self) -> int:
        """How many of the targets are ticked off."""
        ticked = {proof.device for proof in self.proofs}
        return sum(1 for target in self.targets if target in ticked)


def can_be_walked(device: Device) -> bool:
    """Whether a walk test can prove this device: it raises an alarm, and that may count as a test.

    A manual call point cannot: whoever presses one means it (and a test of it is announced like a drill).
    """
    return device.category in TESTED_CATEGORIES and device.kind != CALL_POINT


TESTED_CATEGORIES = (Category.FIRE, Category.GAS, Category.PERSON, Category.ELECTRICAL)
