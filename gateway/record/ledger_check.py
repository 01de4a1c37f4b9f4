"""The check of a ledger: every row follows from the one before it, and every signed head is still where it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.record.ledger import EXPLAIN, LedgerFile, Row, hash_of, seed_of
from gateway.record.seal import Head, SignedHead

FAULTS_MAX: Final = 100
"""Faults that are told one by one; beyond it they are counted."""


class Checked(msgspec.Struct):
    """What a check found. `explain` are the rows that stand for something lost, which a person has to explain."""

    rows: int = 0
    heads: int = 0
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
        found.append(f"{self.rows} rows, {self.heads} signed ends compared: {verdict}")
        return found


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
    for stream, ends in wanted.items():
        if stream not in streams:
            name = ends[max(ends)][0][0]
            found.fault(f"{stream}: {name} vouches for row {max(ends)}, and the ledger has no row of it")
    return found


def _follow(file: LedgerFile, stream: str, wanted: dict[int, list[tuple[str, Head]]], found: Checked) -> None:
    before: bytes | None = seed_of(stream)
    last: Row | None = None
    begun = 0
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
            found.explain.append(f"{stream}: row {row.number}, {row.kind} {row.body.decode('utf-8', 'replace')}")
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
