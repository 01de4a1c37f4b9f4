"""The reply codes of a home's open incidents: two digits by which an answer says which of them it takes on."""

from __future__ import annotations

from zlib import crc32

CODES = 100
"""Two digits: more open incidents than that have none, and are taken on by link, call, button or console only."""


class ReplyCodes:
    """Gives each new incident the next code that is free, in turn: an answer that comes late meets no other incident.

    A home begins at a place of its own, so that a phone that serves two homes seldom sees one code twice. While all
    are in use, a new incident has none; none is ever taken from an open one, whose messages say it already.
    """

    def __init__(self, home: str) -> None:
        self.last = crc32(home.encode()) % CODES
        self.in_use: dict[str, str] = {}

    def take(self, incident: str) -> str:
        """A code for a new incident, or "" while all are in use."""
        if len(self.in_use) >= CODES:
            return ""
        while f"{(self.last + 1) % CODES:02}" in self.in_use:
            self.last = (self.last + 1) % CODES
        self.last = (self.last + 1) % CODES
        code = f"{self.last:02}"
        self.in_use[code] = incident
        return code

    def free(self, code: str) -> None:
        """The incident of a code is over."""
        self.in_use.pop(code, None)
