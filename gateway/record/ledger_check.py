"""The check of a ledger: every row follows from the one before it, every signed head is still where it was, and what
the journal's archive asks for is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from gateway.record.ledger import EXPLAIN, LedgerFile, Row, hash_of, seed_of
from gateway.record.ledger_gaps import EXPLAINED, read_body
from gateway.record.ledger_journal import JournalledLedger
from gateway.record.seal import Head, SignedHead

FAULTS_MAX: Final = 100
"""Faults that are told one by one; beyond it they are counted."""


class Checked(msgspec.Struct):
    """What a check found. `explain` are the rows that stand for something lost, which a person has to explain.

    `newest` is when the newest signed head was made; `behind` are the rows that came after it, for which no head
    vouches. `compared` are the entries of the journal that were held against the ledger.
    """

    rows: int = 0
    heads: int = 0
    newest: datetime | None = None
    behind: int = 0
    compared: int = 0
    faulty: int = 0
    faults: list[str] = []
    explain: list[str] = []
    ends: list[Head] = []

    @property
    def sound(self) -> bool:
        """Whether nothing was altered, left out, moved or cut, as far as the heads vouch for it."""
        return self.faulty == 0

    def fault(self, words: str) -> None:
        """Note one fault."""
        self.faulty += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(words)

    def lines(self) -> list[str]:
        """The report in words."""
        found = [f"FAULT  {words}" for words in self.faults]
        if self.faulty > len(self.faults):
            found.append(f"… and {self.faulty - len(self.faults)} more faults")
        found += [f"to be explained  {words}" for words in self.explain]
        found += [f"{end.stream}: row {end.number} of epoch {end.epoch}, {end.hash}" for end in self.ends]
        verdict = "sound" if self.sound else f"{self.faulty} faults"
        journal = f", {self.compared} entries of the journal" if self.compared else ""
        found.append(f"{self.rows} rows, {self.heads} signed ends{journal} compared: {verdict}")
        return found

    def age_line(self, now: datetime) -> str:
        """How old the newest head is, and how many rows nobody vouches for until the next one is kept elsewhere."""
        if self.newest is None:
            return f"no signed head: {self.rows} rows that no head vouches for"
        minutes = (now - self.newest).total_seconds() / 60
        age = f"{minutes:.0f} min" if abs(minutes) < 120 else f"{minutes / 60:.0f} h"
        return f"newest head {self.newest:%Y-%m-%d %H:%M:%S} UTC, {age} old; {self.behind} rows came behind it"


def check_ledger(file: LedgerFile, heads: Sequence[tuple[str, SignedHead]]) -> Checked:
    """Follow every chain from its first row, and look for every end that was signed."""
    found = Checked()
    wanted: dict[str, dict[int, list[tuple[str, Head]]]] = {}
    for name, signed in heads:
        for head in signed.heads:
            wanted.setdefault(head.stream, {}).setdefault(head.number, []).append((name, head))
    streams = file.streams()
    for stream in streams:
        _follow(file, stream, wanted.get(stream, {}), found)
    newest = max((signed for _, signed in heads), key=lambda signed: signed.at, default=None)
    vouched = {head.stream: head.number for head in newest.heads} if newest is not None else {}
    found.newest = newest.at if newest is not None else None
    found.behind = sum(max(0, end.number - vouched.get(end.stream, 0)) for end in found.ends)
    for stream, ends in wanted.items():
        if stream not in streams:
            name = ends[max(ends)][0][0]
            found.fault(f"{stream}: {name} vouches for row {max(ends)}, and the ledger has no row of it")
    return found


def check_against_journal(file: JournalledLedger, found: Checked) -> None:
    """Look for the rows that the journal's archive asks for."""
    for stream in file.streams():
        for compared in file.held_against(stream):
            found.compared += 1
            if compared.lacking:
                where = "behind its end" if compared.beyond else "and its chain was mended"
                what = f"{stream}: seq {compared.seq} of epoch {compared.epoch} stands in the journal"
                found.fault(f"{what}, the ledger lacks {', '.join(compared.lacking)}: rows were cut off {where}")


def _follow(file: LedgerFile, stream: str, wanted: dict[int, list[tuple[str, Head]]], found: Checked) -> None:
    before: bytes | None = seed_of(stream)
    last: Row | None = None
    begun = 0
    explain: dict[int, str] = {}
    for row in file.rows(stream):
        expected = 1 if last is None else last.number + 1
        begun = begun or row.epoch
        if row.number != expected:
            gap = f"row {expected} is" if row.number == expected + 1 else f"rows {expected} to {row.number - 1} are"
            found.fault(f"{stream}: {gap} missing")
            before = None
        _look(row, before, last, found)
        for name, head in wanted.get(row.number, ()):
            found.heads += 1
            if (head.epoch, head.hash) != (row.epoch, row.hash.hex()):
                found.fault(_replaced(stream, row.number, name, head.epoch, begun))
        before, last = row.hash, row
        found.rows += 1
        if row.kind in EXPLAIN:
            explain[row.number] = f"{stream}: row {row.number}, {row.kind} {row.body.decode('utf-8', 'replace')}"
        elif row.kind == EXPLAINED:
            explain.pop(read_body(row.body).row, None)
    found.explain += explain.values()
    if last is None:
        return
    found.ends.append(Head(stream, last.epoch, last.number, last.at, last.hash.hex()))
    beyond = [number for number in wanted if number > last.number]
    if beyond:
        name, head = wanted[max(beyond)][0]
        found.heads += len(beyond)
        if head.epoch < begun:
            found.fault(_replaced(stream, max(beyond), name, head.epoch, begun))
        else:
            words = f"the tail is cut: {name} vouches for row {max(beyond)}, the ledger ends with row {last.number}"
            found.fault(f"{stream}: {words}")


def _look(row: Row, before: bytes | None, last: Row | None, found: Checked) -> None:
    where = f"{row.stream}: row {row.number} (seq {row.seq}, {row.kind})"
    if before is not None:
        fields = (row.stream, row.number, row.epoch, row.seq, row.at, row.kind, row.body)
        if hash_of(before, *fields) != row.hash:
            found.fault(f"{where} does not follow from the row before it: it was altered, or put in its place")
    if last is not None and (row.epoch, row.seq) < (last.epoch, last.seq):
        found.fault(f"{where} stands behind seq {last.seq} of epoch {last.epoch}: rows were put in another order")


def _replaced(stream: str, number: int, name: str, epoch: int, begun: int) -> str:
    words = f"{stream}: row {number} is not the one that {name} vouches for"
    if epoch < begun:
        return (
            f"{words}: the ledger begins with epoch {begun}, the head is of epoch {epoch}. Where the journal was "
            "damaged it was set aside under another name: check that file with --journal, and explain the break"
        )
    return f"{words}: the ledger was computed anew, or an older one was put back"
