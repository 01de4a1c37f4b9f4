"""What reaches the app on enrolled phones: the phones, the lines to their pages, and what they say of messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gateway.clock import Clock
from gateway.deliver.receipts import Receipts
from gateway.lines import Lines
from gateway.record.phones import PhoneBook, PhonesUnusable
from rules.inputs import Outcome


@dataclass(slots=True)
class PhoneReach:
    """One of each in a gateway. The channels that use it leave their receipts here, and web push its public key."""

    phones: PhoneBook
    lines: Lines
    receipts: list[Receipts] = field(default_factory=list)
    push_key: str = ""

    def receipt(self, message: str, person: str, outcome: Outcome) -> None:
        """A phone of this person says what became of a message; whichever channel sent it, hears of it."""
        for receipts in self.receipts:
            if receipts.note(message, person, outcome):
                return


def open_reach(path: Path, clock: Clock, tell: Callable[[str, bool, str], None]) -> PhoneReach:
    """The phones in a file. Where that cannot be used it is a trouble, and phones can be enrolled until the restart."""
    try:
        phones = PhoneBook(path, clock)
        tell("phones", True, "")
    except PhonesUnusable as fault:
        phones = PhoneBook(None, clock)
        tell("phones", False, str(fault))
    return PhoneReach(phones, Lines(clock))
