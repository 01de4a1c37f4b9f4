"""The page of duty: who is on which post, the gaps, and the forms that change the roster and hand a post over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.console.actions import Desk
from gateway.console.board import person_words
from gateway.console.duty_view import gap_lines, person_lines, post_views, shift_lines
from gateway.console.gate import Form, Gate, Need
from gateway.console.live import LivePages
from gateway.console.parts import ConsoleParts, ShownEngine
from gateway.console.refusals import refusal_words
from gateway.console.render import Pages, Visit
from gateway.roster_file import RosterChange, ShiftChange, Substitution, Withdrawal
from gateway.site_file import ChangeRefused
from rules.inputs import AnyInput, HandedOver
from rules.people import Override
from rules.roster_gaps import find_gaps
from rules.roster_watch import NOTE_MAX, VERB
from rules.roster_words import local_words, person_name, post_name
from rules.site import Site

FIELD_MAX = 200
WEEK = 7
MONTH_WEEKS = 6
HANDOVERS_SHOWN = 10
OVERRIDES_SHOWN = 100
_DAY = timedelta(days=1)


class DutyPages:
    """Shows the roster; what is changed goes into the site file, a hand-over through the inbox."""

    def __init__(self, parts: ConsoleParts, pages: Pages, gate: Gate, desk: Desk, live: LivePages) -> None:
        self._parts = parts
        self._pages = pages
        self._gate = gate
        self._desk = desk
        self._live = live
        self._changes: dict[str, Callable[[Form], RosterChange]] = {
            "substitute": _substitution,
            "withdraw": _withdrawal,
            "shift": _shift_change,
        }

    def routes(self) -> Iterator[Route]:
        """The page and its forms."""
        yield Route("/home/{home}/duty", self._gate.page(self.show, Need.LOGIN), methods=["GET"])
        yield Route("/home/{home}/duty/{action}", self._gate.page(self.act, Need.LOGIN), methods=["POST"])

    async def show(self, visit: Visit) -> Response:
        """The picture of a week or a month."""
        done = visit.request.query_params.get("done", "")
        return await self._page(visit, note=visit.words("duty.done") if done else "")

    async def _page(self, visit: Visit, status: int = 200, note: str = "", problems: Sequence[str] = ()) -> Response:
        site, engine = self._live.home(visit)
        words, duty, now = visit.words, engine.duty, self._parts.clock.now()
        today = duty.roster.time.day_of(now)
        asked = visit.request.query_params
        monthly = "month" in asked
        chosen = _asked_day(asked.get("month") or asked.get("week") or "", today)
        # A month hangs like a calendar, from Monday on; a week begins with the day that matters.
        first = chosen.replace(day=1) if monthly else chosen
        first -= first.weekday() * _DAY * monthly
        gaps = await asyncio.to_thread(find_gaps, site, now)
        days = WEEK * MONTH_WEEKS if monthly else WEEK
        posts = await asyncio.to_thread(post_views, site, duty, now, first, days, words)
        step = 31 * _DAY if monthly else WEEK * _DAY
        values = {
            "posts": posts,
            "gaps": gap_lines(site, gaps, now, words),
            "monthly": monthly,
            "chosen": chosen,
            "earlier": (chosen.replace(day=1) - _DAY) if monthly else chosen - step,
            "later": (chosen.replace(day=1) + step) if monthly else chosen + step,
            "weekdays": words("duty.days").split(","),
            "shifts": shift_lines(site, words),
            "overrides": _override_lines(site, duty.roster.time.local(now), visit),
            "handovers": _handover_lines(site, engine, visit),
            "people": person_lines(site.people, today, words),
            "contacts": person_lines(site.contacts, today, words),
            "holders": [(person.id, person.name) for person in site.people if not person.group],
            "now_local": duty.roster.time.local(now).strftime("%Y-%m-%dT%H:00"),
            "later_local": (duty.roster.time.local(now) + timedelta(hours=12)).strftime("%Y-%m-%dT%H:00"),
            "can_write": self._parts.change_roster is not None,
            "note": note,
            "problems": problems,
            "form_max": NOTE_MAX,
        }
        return self._pages.page("duty.html", visit, site, status, **values)

    async def act(self, visit: Visit) -> Response:
        """Change the roster or hand a post over; a refusal is shown with its reason, and nothing is changed."""
        site, engine = self._live.home(visit)
        action = visit.request.path_params["action"]
        if action not in self._changes and action != "handover":
            raise HTTPException(404)
        form = await self._gate.form(visit)
        forged = self._gate.forged(visit, form)
        if forged is not None:
            return forged
        account = visit.viewer.account
        if account is None or not visit.viewer.operates(site.id):
            return await self._page(visit, 403, problems=(visit.words("refused.not_allowed"),))
        if action == "handover":
            return await self._hand_over(visit, site, engine, account.acts_as, form)
        return await self._change(visit, site, self._changes[action], account.acts_as, form)

    async def _change(
        self, visit: Visit, site: Site, make: Callable[[Form], RosterChange], by: str, form: Form
    ) -> Response:
        if self._parts.change_roster is None:
            return await self._page(visit, 409, problems=(visit.words("duty.no_writer"),))
        try:
            change = make(form)
        except ValueError:
            return await self._page(visit, 409, problems=(visit.words("duty.bad_time"),))
        try:
            await self._parts.change_roster(site.id, change, by)
        except ChangeRefused as refusal:
            return await self._page(visit, 409, problems=(str(refusal),))
        return RedirectResponse(f"/home/{site.id}/duty?done=yes", 303)

    async def _hand_over(self, visit: Visit, site: Site, engine: ShownEngine, by: str, form: Form) -> Response:
        def make(at: datetime) -> AnyInput:
            return HandedOver(
                at=at,
                person=by,
                post=form.get("post", ""),
                outgoing=form.get("outgoing", ""),
                incoming=form.get("incoming", ""),
                note=form.get("note", "").strip(),
                open_items=form.get("open_items", "").replace("\r\n", "\n").strip(),
                refused_because=form.get("refused_because", "").strip(),
            )

        answer = await self._desk.put(site.id, make, VERB, form.get("post", ""))
        if not answer.answered:
            return await self._page(visit, 503, problems=(visit.words("refused.no_answer"),))
        if not answer.done:
            reasons = [refusal_words(site, engine, reason, visit.words) for reason in answer.reasons]
            return await self._page(visit, 409, problems=reasons)
        return RedirectResponse(f"/home/{site.id}/duty?done=yes", 303)


def _asked_day(text: str, today: date) -> date:
    try:
        day = datetime.fromisoformat(text).date()
    except ValueError:
        return today
    # What lies decades away is nobody's roster, and no sum with dates may leave the calendar.
    return day if abs((day - today).days) <= 3660 else today


def _text(form: Form, name: str) -> str:
    return form.get(name, "").strip()[:FIELD_MAX]


def _moment(form: Form, name: str) -> datetime:
    moment = datetime.fromisoformat(_text(form, name))
    if moment.tzinfo is not None:
        raise ValueError(name)
    return moment.replace(second=0, microsecond=0)


def _substitution(form: Form) -> Substitution:
    names = {name: _text(form, name) for name in ("post", "person", "instead_of", "reason")}
    return Substitution(begins=_moment(form, "from"), ends=_moment(form, "until"), **names)


def _withdrawal(form: Form) -> Withdrawal:
    names = {name: _text(form, name) for name in ("post", "person", "instead_of")}
    return Withdrawal(begins=_moment(form, "from"), ends=_moment(form, "until"), **names)


def _shift_change(form: Form) -> ShiftChange:
    group = _text(form, "group")
    return ShiftChange(
        shift=_text(form, "shift"),
        add=_text(form, "add"),
        remove=_text(form, "remove"),
        group=int(group) if group.isdecimal() else 0,
    )


def _override_lines(site: Site, local: datetime, visit: Visit) -> list[tuple[Override, str, str, str]]:
    """Those that are not over, the next ones first: the override, when, where, what."""
    words = visit.words
    lines = []
    for each in sorted(site.overrides, key=lambda each: each.begins):
        if each.ends < local:
            continue
        person, away = person_name(site, each.person), person_name(site, each.instead_of)
        kind = "instead_words" if each.person and each.instead_of else "beside_words" if each.person else "away_words"
        where = post_name(site, each.post).in_language(words.language) if each.post else words("duty.every_post")
        when = f"{local_words(each.begins)} – {local_words(each.ends)}"
        lines.append((each, when, where, words(f"duty.{kind}", person=person, away=away)))
    return lines[:OVERRIDES_SHOWN]


def _handover_lines(site: Site, engine: ShownEngine, visit: Visit) -> list[dict[str, object]]:
    words = visit.words
    return [
        {
            "at": each.at,
            "post": post_name(site, each.post).in_language(words.language),
            "names": f"{person_name(site, each.outgoing)} → {person_name(site, each.incoming)}",
            "by": person_words(site, each.by),
            "note": each.note,
            "items": [line.strip() for line in each.open_items.splitlines() if line.strip()],
            "is_substitute": each.is_substitute,
            "refused": words("duty.refused", why=each.refused_because) if each.refused_because else "",
        }
        for each in reversed(engine.duty.handovers[-HANDOVERS_SHOWN:])
    ]
