"""The live lines to the open pages of people's phones, and what the pages say of the messages that went over them.

A line counts only while its page answers from the foreground: a page behind a locked screen shows nobody anything.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

import msgspec

from gateway.clock import Clock

ANSWER_WITHIN_S: Final = 20.0
"""Within so long a page in the foreground must answer, or it counts for nothing (issue 5, section 4)."""
PING_EVERY_S: Final = 8.0
"""Two pings may be lost on a bad mobile network before a page that is there counts as not there."""
LINES_MAX: Final = 512
LINES_OF_A_PERSON_MAX: Final = 8
"""Open pages of one person (phone, tablet, a second window); beyond it the oldest line is ended."""
WAITING_MAX: Final = 32
"""Messages that wait to be written to one page; a page that takes none of them is not there."""

Key = tuple[str, str]
"""Whose line: the home and the person."""


class Sent(msgspec.Struct, frozen=True):
    """What is said to a page: the name of the event, and its data."""

    event: str
    data: dict[str, object]


@dataclass(slots=True, eq=False)
class Line:
    """One open page. `ended` True: its stream has to be closed (another one took its place)."""

    id: str
    person: str
    homes: tuple[str, ...]
    waiting: deque[Sent] = field(default_factory=lambda: deque(maxlen=WAITING_MAX))
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    shown_at: float | None = None
    ended: bool = False

    def say(self, event: str, data: dict[str, object]) -> None:
        """Let the page hear of it as soon as its stream takes it."""
        self.waiting.append(Sent(event, data))
        self.woken.set()

    def take(self) -> list[Sent]:
        """What is to be written now."""
        said = list(self.waiting)
        self.waiting.clear()
        self.woken.clear()
        return said


@dataclass(slots=True, eq=False)
class _Call:
    """A message that is being shown to somebody."""

    key: Key
    data: dict[str, object]
    shown: asyncio.Future[None]


class Reached(msgspec.Struct, frozen=True):
    """Whether somebody was reached, after how many seconds, or why not."""

    after_s: float | None = None
    why_not: str = ""


class Lines:
    """All live lines. `line_id` makes an id that nobody can guess; the console opens and answers, a channel calls."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: OrderedDict[str, Line] = OrderedDict()
        self._calls: dict[str, _Call] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def open(self, line_id: str, person: str, homes: tuple[str, ...]) -> Line | None:
        """A new line; None where there are too many in all. What the person is being called for is said at once."""
        mine = [line for line in self._lines.values() if line.person == person and set(line.homes) & set(homes)]
        for line in mine[: max(0, len(mine) - LINES_OF_A_PERSON_MAX + 1)]:
            self.close(line)
        if len(self._lines) >= LINES_MAX:
            return None
        line = self._lines[line_id] = Line(line_id, person, homes)
        line.say("ping", {"line": line_id})
        for call in self._calls.values():
            if call.key[1] == person and call.key[0] in homes:
                line.say("call", call.data)
        return line

    def close(self, line: Line) -> None:
        """The page is gone, or has to go."""
        self._lines.pop(line.id, None)
        line.ended = True
        line.woken.set()

    def answered(self, line_id: str, person: str, *, visible: bool, shown: list[str]) -> bool:
        """A page answered: whether it is in the foreground, and which calls it shows there. False: an unknown line."""
        line = self._lines.get(line_id)
        if line is None or line.person != person:
            return False
        line.shown_at = self._clock.monotonic() if visible else None
        if visible:
            for message in shown:
                call = self._calls.get(message)
                if call is not None and self._is_for(call.key, line) and not call.shown.done():
                    call.shown.set_result(None)
        return True

    def is_watching(self, home: str, person: str) -> bool:
        """Whether a page of this person answered from the foreground within the last 20 s."""
        return any(self._is_fresh(line) for line in self._of((home, person)))

    async def call(self, home: str, person: str, message: str, data: dict[str, object]) -> Reached:
        """Show a message on the person's pages, and wait until one in the foreground says that it does."""
        key = (home, person)
        lines = self._of(key)
        if not lines:
            return Reached(why_not="no page of this person is open")
        if not any(self._is_fresh(line) for line in lines):
            return Reached(why_not=f"the page is not in the foreground: no answer within {ANSWER_WITHIN_S:g} s")
        began = self._clock.monotonic()
        call = self._calls[message] = _Call(key, data, asyncio.get_running_loop().create_future())
        for line in lines:
            line.say("call", data)
        limit = asyncio.ensure_future(self._clock.sleep(ANSWER_WITHIN_S))
        try:
            await asyncio.wait({call.shown, limit}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            limit.cancel()
            if self._calls.get(message) is call:
                del self._calls[message]
        if call.shown.done():
            return Reached(after_s=self._clock.monotonic() - began)
        return Reached(why_not=f"the page did not show it within {ANSWER_WITHIN_S:g} s")

    def _of(self, key: Key) -> list[Line]:
        return [line for line in self._lines.values() if self._is_for(key, line)]

    @staticmethod
    def _is_for(key: Key, line: Line) -> bool:
        return line.person == key[1] and key[0] in line.homes

    def _is_fresh(self, line: Line) -> bool:
        return line.shown_at is not None and self._clock.monotonic() - line.shown_at <= ANSWER_WITHIN_S
