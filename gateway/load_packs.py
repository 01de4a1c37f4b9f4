"""Rules that are not in force: packs for a backtest or a shadow, each in the place of the live pack of its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from gateway.load import Configuration, in_place, join_packs, read_packs, ruleset_of
from rules.parse import Fault
from rules.rule import Rule


class OtherRules(msgspec.Struct, frozen=True):
    """The rules that would be in force with other packs, their hash, and what is wrong with them."""

    rules: tuple[Rule, ...] = ()
    ruleset: str = ""
    faults: tuple[Fault, ...] = ()


def other_rules(known: Configuration, paths: Sequence[Path]) -> OtherRules:
    """The live rules with these packs (files, or directories of them) in the place of those of the same name."""
    faults: list[Fault] = []
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        if not inside:
            mend = "Put NAME.toml into it"
            faults.append(Fault(file=str(path), path="", problem="is a directory without a rule pack", mend=mend))
        files += inside
    others = read_packs([str(file.absolute()) for file in files], known.file.parent, faults)
    rules = join_packs(in_place(known.packs, others), list(known.sites), faults)
    return OtherRules(rules, ruleset_of(rules), tuple(faults))
