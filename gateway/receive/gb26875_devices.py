"""What a GB/T 26875.3 listener knows of each transmission device: its link, its habits, its clock, its doubts."""

from __future__ import annotations

import asyncio

import msgspec

from devices.gb26875 import Cause, Frame, FrameFault
from gateway.receive.gb26875_links import Link

DEVICES_MAX = 256
"""Transmission devices of one listener; frames of more are refused."""

DOUBT_S = 5.0
"""How long a denied frame may be outstanding before it is taken for the worst: half of the limit of 10 s."""

DOUBTS_MAX = 32

ALIKE_MAX = 4
"""Bytes in which a damaged frame may differ from its repeat, where the serial tells nothing."""


class Doubt(msgspec.Struct):
    """A damaged frame that was denied: good if it comes again readable, a danger if not."""

    fault: FrameFault
    serial: int
    data: bytes
    due: float

    def explained_by(self, frame: Frame) -> bool:
        """Whether this frame is the damaged one sent again. The damage sits in its serial or in its data, not in both.

        A frame without data explains nothing, and where a vendor leaves all serials at 0 the data must be alike.
        """
        if not frame.data:
            return False
        if frame.data == self.data:
            return True
        if frame.serial != self.serial:
            return False
        if self.serial:
            return len(frame.data) == len(self.data) or self.fault.cause is not Cause.CHECKSUM
        return _differing(frame.data, self.data) <= ALIKE_MAX


def _differing(one: bytes, other: bytes) -> int:
    if len(one) != len(other):
        return len(one) + len(other)
    return sum(a != b for a, b in zip(one, other, strict=True))


class TransmissionDevice(msgspec.Struct):
    """One transmission device. Instants are monotonic seconds.

    `heartbeat_s` is the interval of its empty uploads, as learned (None: it sends none, and is polled).
    `clock_error_s`: its clock against ours at its last frame. `line_fault`: it has lost its panel.
    """

    address: int
    link: Link
    heard_at: float
    heartbeat_at: float | None = None
    heartbeat_s: float | None = None
    clock_error_s: float = 0.0
    synced_at: float | None = None
    parts_shown_at: float | None = None
    life_told_at: float | None = None
    fault_told_at: float | None = None
    fire_told_at: float | None = None
    line_fault: bool = False
    online_told: bool = False
    asking: bool = False
    odd_version: bool = False
    doubts: list[Doubt] = msgspec.field(default_factory=list)
    duty: asyncio.Future[Frame] | None = None

    def note_heartbeat(self, now: float) -> None:
        """Learn the interval of its heartbeats: the mean of the newest and what was known."""
        if self.heartbeat_at is not None:
            interval = now - self.heartbeat_at
            self.heartbeat_s = interval if self.heartbeat_s is None else (self.heartbeat_s + interval) / 2
        self.heartbeat_at = now

    def note_doubt(self, fault: FrameFault, now: float) -> None:
        """Remember a denied frame; the oldest falls due at once where there are too many."""
        frame = fault.frame
        if frame is None:
            return
        for known in self.doubts:
            if known.serial == frame.serial:
                return
        if len(self.doubts) >= DOUBTS_MAX:
            self.doubts[0].due = now
            return
        self.doubts.append(Doubt(fault, frame.serial, frame.data, now + DOUBT_S))

    def settle_doubts(self, frame: Frame) -> None:
        """A good frame explains those that it repeats."""
        if self.doubts:
            self.doubts = [doubt for doubt in self.doubts if not doubt.explained_by(frame)]

    def overdue_doubts(self, now: float) -> list[Doubt]:
        """Those that nobody explained in time; they are forgotten here."""
        due = [doubt for doubt in self.doubts if doubt.due <= now]
        if due:
            self.doubts = [doubt for doubt in self.doubts if doubt.due > now]
        return due

    def answer_duty(self, frame: Frame) -> None:
        """Somebody answered a duty check."""
        if self.duty is not None and not self.duty.done():
            self.duty.set_result(frame)
