"""My shifts on the phone: when and where one has a post within the week, and handing it over with both names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from starlette.responses import RedirectResponse, Response

from gateway.console.actions import Desk
from gateway.console.gate import Form, Gate
from gateway.console.holder import Holder, Holders
from gateway.console.parts import ConsoleParts
from gateway.console.refusals import refusal_words
from gateway.console.render import Pages, Visit
from gateway.console.texts import Words
from rules.inputs import AnyInput, HandedOver
from rules.roster_watch import NOTE_MAX, VERB
from rules.site import Person, Site

SHIFTS_AHEAD = timedelta(days=7)
SHIFTS_MAX = 14
HANDOVER_AROUND = timedelta(hours=1)
"""So long before a shift begins it can be taken over on the phone."""


class ShiftLine(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of time on a post. `now`: on duty there; `soon`: it begins within an hour, or has begun."""

    home: str
    home_name: str
    post: str
    post_name: str
    begins_at: datetime
    ends_at: datetime
    now: bool
    soon: bool
    others: tuple[Person, ...] = ()


class PhoneShifts:
    """Lists the shifts of a holder, and puts hand-overs on record."""

    def __init__(self, parts: ConsoleParts, pages: Pages, gate: Gate, desk: Desk, holders: Holders) -> None:
        self._parts = parts
        self._pages = pages
        self._gate = gate
        self._desk = desk
        self._holders = holders

    def lines(self, sites: Sequence[Site], holder: Holder, words: Words) -> list[ShiftLine]:
        """When and where the holder has a post within the next week, and where they are on duty by hand-over."""
        lines: list[ShiftLine] = []
        for site in sites:
            engine = self._parts.engines.get(site.id)
            if engine is None:
                continue
            now = self._parts.clock.now()
            for post in site.posts:
                name = post.name.in_language(words.language)
                on_duty = any(person.id == holder.person for person in engine.duty.on_duty(post.id, now))
                end = now + SHIFTS_AHEAD
                stretches = engine.duty.roster.stretches(post.id, now, end)
                # The last one may be cut by the end of the week: it is not a shift as it stands there.
                whole = [each for each in stretches if each.ends_at < end or each.begins_at <= now]
                mine = [each for each in whole if holder.person in each.people]
                if on_duty and not any(each.begins_at <= now for each in mine):
                    mine.insert(0, stretches[0])
                others = tuple(each for each in site.people if not each.group and each.id != holder.person)
                lines += [
                    ShiftLine(
                        home=site.id,
                        home_name=site.name.in_language(words.language),
                        post=post.id,
                        post_name=name,
                        begins_at=each.begins_at,
                        ends_at=each.ends_at,
                        now=each.begins_at <= now and on_duty,
                        soon=each.begins_at - now <= HANDOVER_AROUND,
                        others=others if each.begins_at - now <= HANDOVER_AROUND else (),
                    )
                    for each in mine
                ]
        lines.sort(key=lambda line: (line.begins_at, line.home_name, line.post_name))
        return lines[:SHIFTS_MAX]

    async def hand_over(self, visit: Visit) -> Response:
        """I leave and somebody comes, or I come and somebody leaves; a refusal is said with its reason."""
        words, home = visit.words, visit.request.path_params["home"]
        holder = self._holders.of(visit)
        if holder is None:
            return RedirectResponse("/app", 303)
        site, engine = self._parts.sites.get(home), self._parts.engines.get(home)
        if home not in holder.homes or site is None or engine is None:
            return self._pages.message(visit, 404, words("phone.broken"), words("phone.no_home"), urgent=True)
        form = await self._gate.form(visit)
        refused = self._holders.refuse(visit, holder, form.get("csrf", ""))
        if refused is not None:
            return refused
        answer = await self._desk.put(home, _handed_over(holder.person, form), VERB, form.get("post", "")[:64])
        if not answer.answered:
            return self._pages.message(visit, 503, words("refused.title"), words("refused.no_answer"))
        if not answer.done:
            reasons = " ".join(refusal_words(site, engine, reason, words) for reason in answer.reasons)
            return self._pages.message(visit, 409, words("refused.title"), reasons)
        return RedirectResponse("/app?done=handover", 303)


def _handed_over(person: str, form: Form) -> Callable[[datetime], AnyInput]:
    """The input of a form: who presses is one of the two."""
    other, leaves = form.get("other", "")[:64], form.get("act", "") == "leave"

    def make(at: datetime) -> AnyInput:
        return HandedOver(
            at=at,
            person=person,
            post=form.get("post", "")[:64],
            outgoing=person if leaves else other,
            incoming=other if leaves else person,
            note=form.get("note", "").strip()[:NOTE_MAX],
            open_items=form.get("open_items", "").replace("\r\n", "\n").strip()[:NOTE_MAX],
            refused_because="" if leaves else form.get("refused_because", "").strip()[:NOTE_MAX],
            via="app",
        )

    return make
