"""What people do: the four verbs, put through the inbox like everything that happens, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from gateway.console.parts import ConsoleParts
from gateway.inbox import Decision
from rules.effects import Refused
from rules.inputs import AnyInput, OperatorActed, Verb

CAUSE_MAX = 200


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asked for."""

    person: str
    verb: Verb
    target: str
    via: str
    verdict: str = ""
    cause: str = ""
    checked_on_site: bool = False
    finding: str = ""
    times: Mapping[str, datetime] = {}


class Answer(msgspec.Struct, frozen=True):
    """What came of it: done or not, with the engine's reasons. `answered` False: nobody knows (yet)."""

    done: bool
    reasons: tuple[str, ...] = ()
    durable: bool = True
    answered: bool = True
    partly: bool = False

    @property
    def status(self) -> int:
        """The status code of the page that says so."""
        if not self.answered:
            return 503
        return 200 if self.done else 409


class Desk:
    """Submits what people ask for and waits for the decision, so long and no longer."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._pending: set[asyncio.Task[Decision]] = set()

    async def act(self, home: str, asked: Asked) -> Answer:
        """Put it to the engine of `home`. A caller that goes away does not undo it."""

        def make(at: datetime) -> AnyInput:
            return OperatorActed(
                at=at,
                person=asked.person,
                verb=asked.verb,
                target=asked.target,
                via=asked.via,
                verdict=asked.verdict,
                cause=asked.cause,
                checked_on_site=asked.checked_on_site,
                finding=asked.finding,
                times=dict(asked.times),
            )

        return await self.put(home, make, asked.verb, asked.target)

    async def put(self, home: str, make: Callable[[datetime], AnyInput], verb: str, target: str) -> Answer:
        """Put any input of a person to the engine; `verb` and `target` are how a refusal of it is known."""
        # A task of its own: cancelling `submit` would cancel the future that the deciding task fulfils.
        task = asyncio.create_task(self._parts.inbox.submit(home, make))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
        finished, _ = await asyncio.wait({task}, timeout=self._parts.answer_within_s)
        if not finished:
            return Answer(False, answered=False)
        decision = task.result()
        reasons = tuple(
            effect.reason
            for effect in decision.effects
            if isinstance(effect, Refused) and effect.verb == verb and effect.target == target
        )
        partly = bool(reasons) and len(reasons) < len(decision.effects)
        return Answer(not reasons, reasons, decision.durable, partly=partly)
