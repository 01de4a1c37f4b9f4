"""The auditor's look: what the journal and the gateway say, and of that what stays wrong for the tolerance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from gateway.audit.findings import HomeAudit, Suspicion
from gateway.audit.progress import Progress, ProgressAudit
from gateway.clock import Clock
from gateway.record.audited import AuditedJournal
from gateway.record.record import JournalUnavailable
from rules.text import Text

TOLERANCE_S: Final = 90.0
"""A restart takes up to 60 s; what stays wrong for longer than this is a finding."""

Ask = Callable[[], Progress]
"""What the running gateway says of itself; `NoAnswer` says why it does not."""


class NoAnswer(Exception):
    """The gateway did not answer; the text says why."""


class Finding(msgspec.Struct, frozen=True):
    """Something that stayed wrong for the tolerance. `since` is when it was first seen, by the wall."""

    suspicion: Suspicion
    since: datetime

    def line(self) -> str:
        """The finding for a log or a terminal."""
        home = f"{self.suspicion.home}  " if self.suspicion.home else ""
        mark = "URGENT " if self.suspicion.urgent else "FINDING"
        words = f"{self.suspicion.text.en} / {self.suspicion.text.zh}"
        return f"{mark} {home}{words} (since {self.since:%Y-%m-%d %H:%M:%S %Z})"


class Looked(msgspec.Struct, frozen=True):
    """What one look gave: what is a finding now, what is new among it, what is over, and what may become one."""

    standing: tuple[Finding, ...]
    new: tuple[Finding, ...]
    over: tuple[Finding, ...]
    suspected: tuple[Suspicion, ...]
    incidents: int
    rows: int

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong and nothing looks as if it would be."""
        return not self.standing and not self.suspected


class Auditor:
    """Looks at the journal's file and asks the gateway; both may fail, which is a finding like any other.

    What it costs is what happened since its last look, and the open incidents: never the length of the journal.
    """

    def __init__(
        self, journal: Path, homes: Sequence[str], ask: Ask, clock: Clock, tolerance_s: float = TOLERANCE_S
    ) -> None:
        self._journal = journal
        self._ask = ask
        self._clock = clock
        self._tolerance_s = tolerance_s
        self._homes = {home: HomeAudit(home) for home in homes}
        self._progress = ProgressAudit()
        self._first_seen: dict[str, tuple[float, datetime]] = {}
        self._standing: dict[str, Finding] = {}
        self._rows = 0

    def look(self) -> Looked:
        """Look once."""
        suspected = list(self._suspicions())
        monotonic, wall = self._clock.monotonic(), self._clock.wall()
        keys = {each.key for each in suspected}
        self._first_seen = {key: seen for key, seen in self._first_seen.items() if key in keys}
        new: list[Finding] = []
        waiting: list[Suspicion] = []
        for each in suspected:
            since, at = self._first_seen.setdefault(each.key, (monotonic, wall))
            finding = Finding(each, at)
            if each.key in self._standing:
                self._standing[each.key] = finding
            elif each.certain or monotonic - since >= self._tolerance_s:
                self._standing[each.key] = finding
                new.append(finding)
            else:
                waiting.append(each)
        over = [finding for key, finding in self._standing.items() if key not in keys]
        self._standing = {key: finding for key, finding in self._standing.items() if key in keys}
        incidents = sum(len(home.open) for home in self._homes.values())
        standing = tuple(self._standing.values())
        return Looked(standing, tuple(new), tuple(over), tuple(waiting), incidents, self._rows)

    def _suspicions(self) -> list[Suspicion]:
        # The gateway is asked before the disk is read: what it counts as committed must be there by then.
        try:
            answer, why = self._ask(), ""
        except NoAnswer as silence:
            answer, why = None, str(silence)
        found: list[Suspicion] = []
        tips: dict[str, int] = {}
        try:
            with AuditedJournal(self._journal) as journal:
                for home in list(self._homes.values()):
                    tips[home.home] = self._read(journal, home)
                self._rows = journal.rows_read
                if journal.broken:
                    words = journal.broken[0][2]
                    found.append(Suspicion("broken", "", Text(f"日志有损坏的行：{words}", f"damaged rows: {words}")))
        except JournalUnavailable as fault:
            words = str(fault)
            text = Text(f"日志无法读取：{words}", f"the journal cannot be read: {words}")
            found.append(Suspicion("unreadable", "", text, urgent=True))
        found += self._progress.look(answer, why, tips, self._clock.monotonic())
        for home in self._homes.values():
            found += home.suspicions(self._now(home))
        return found

    def _read(self, journal: AuditedJournal, home: HomeAudit) -> int:
        """Follow the journal to its end. Where a newer snapshot is, what was followed is held against it."""
        tip = journal.tip(home.home)
        if tip < home.position:
            # An older file was put back, or a new one begun: what was known of the other one is of no use.
            home = self._homes[home.home] = HomeAudit(home.home)
        newest = journal.newest_snapshot(home.home)
        if newest > home.snapshot_seq:
            if home.position:
                for entry in journal.archived(home.home, home.position, newest):
                    home.follow(entry)
            engine = journal.snapshot(home.home, newest)
            if engine is not None:
                home.begin_at(engine)
        for entry in journal.archived(home.home, home.position, tip):
            home.follow(entry)
        return tip

    def _now(self, home: HomeAudit) -> datetime:
        """The engine's time: as the gateway says, or went on saying; else the wall's by the journal's last word."""
        said = self._progress.now(self._clock.monotonic())
        if said is not None:
            return said
        return self._clock.wall() - home.shift
