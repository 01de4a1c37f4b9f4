"""Watches the roster: a gap that begins within a day is told, and posts are handed over with both names."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from rules.alarms import Alarms
from rules.deadlines import Deadlines
from rules.details import in_both
from rules.duty import HANDOVERS_MAX, Duty
from rules.effects import HandoverChanged, Refused
from rules.inputs import HandedOver
from rules.people import Handover
from rules.roster import LOOK_AHEAD
from rules.roster_gaps import WITHIN, Gap, find_gaps, urgent
from rules.roster_words import gap_words, person_name, post_name
from rules.site import Site
from rules.text import Text
from rules.troubles import HANDOVER_RULE, ROSTER_RULE, handover_refused, roster_gap
from rules.turn import Turn

CHECK_EVERY: Final = timedelta(hours=24)
"""The roster is looked at at least so often; sooner where a gap comes nearer than a day before that."""

EARLY_MAX: Final = timedelta(hours=2)
"""Who takes over so long before the roster names them is no substitute (design number)."""

NOTE_MAX: Final = 2000
"""Letters of a hand-over's note, and of its open items."""

GAPS_TOLD: Final = 3
"""Gaps of one post that its alarm names."""

_KEY: Final = ("roster",)
Refusal = str


class RosterWatch:
    """Raises and ends the alarms of gaps; takes hand-overs and keeps the last ones with the duty."""

    def __init__(self, alarms: Alarms, deadlines: Deadlines) -> None:
        self._alarms = alarms
        self._deadlines = deadlines

    def look(self, turn: Turn, duty: Duty, site: Site) -> None:
        """Raise, renew and end the alarms of gaps, and set when to look again. Not while the clock is unknown."""
        if not site.posts or not duty.clock_known:
            self._deadlines.cancel(_KEY)
        if not duty.clock_known:
            return
        # A look that is overdue asks about now: what lies behind is no warning any more.
        now = turn.until
        gaps = [gap for gap in find_gaps(site, now, 2 * WITHIN) if gap.post] if site.posts else []
        soon: dict[str, list[Gap]] = {}
        for gap in urgent(gaps, now):
            soon.setdefault(gap.post, []).append(gap)
        self._end_those_without(turn, duty, {f"post:{post}" for post in soon})
        for post, ones in soon.items():
            words = [gap_words(site, gap) for gap in ones[:GAPS_TOLD]]
            detail = in_both(Text("；".join(each.zh for each in words), "; ".join(each.en for each in words)))
            cause = roster_gap(post, detail)
            known = self._alarms.find(cause.rule, cause.subject)
            if known is None or not known.active:
                self._alarms.trip(turn, duty, cause)
            elif known.detail != detail:
                self._alarms.update(turn, known, detail)
        if site.posts:
            later = [gap.begins_at - WITHIN for gap in gaps if gap.begins_at and gap.begins_at > now + WITHIN]
            # A gap that begins in a day and a minute is told in a minute (the look at its very instant finds it).
            due = min([now + CHECK_EVERY, *(at + timedelta(seconds=1) for at in later)])
            self._deadlines.set(_KEY, due)

    def _end_those_without(self, turn: Turn, duty: Duty, subjects: set[str]) -> None:
        for alarm in list(self._alarms.open.values()):
            post = alarm.subject.partition(":")[2]
            if alarm.rule == ROSTER_RULE and alarm.active and alarm.subject not in subjects:
                self._alarms.clear(turn, duty, alarm, "the roster has no gap there any more")
            if alarm.rule == HANDOVER_RULE and alarm.active and post not in duty.roster.posts:
                self._alarms.clear(turn, duty, alarm, "no longer in the site file")

    def hand_over(self, turn: Turn, duty: Duty, site: Site, asked: HandedOver) -> None:
        """Take a hand-over, or the refusal of one, with both names."""
        refusal = _refusal(duty, asked)
        if refusal:
            turn.effects.append(
                Refused(at=turn.at, reason=refusal, person=asked.person, verb=VERB, target=asked.post)
            )
            return
        change = duty.roster.next_change(asked.post, turn.at)
        named = set(duty.roster.holders(asked.post, turn.at))
        if change is not None and change.begins_at - turn.at <= EARLY_MAX:
            named |= set(change.people)
        handover = Handover(
            post=asked.post,
            outgoing=asked.outgoing,
            incoming=asked.incoming,
            at=turn.at,
            by=asked.person,
            note=asked.note,
            open_items=asked.open_items,
            is_substitute=not asked.refused_because and asked.incoming not in named,
            refused_because=asked.refused_because,
            counts_until=change.begins_at if change is not None else turn.at + LOOK_AHEAD,
        )
        duty.handovers = (*duty.handovers, handover)[-HANDOVERS_MAX:]
        kind = "refused" if handover.refused_because else "handed_over"
        turn.effects.append(HandoverChanged(at=turn.at, handover=handover, change=kind, by=asked.person))
        cause = handover_refused(asked.post, _refused_words(site, handover))
        known = self._alarms.find(cause.rule, cause.subject)
        is_open = known is not None and known.active
        if handover.refused_because and not is_open:
            self._alarms.trip(turn, duty, cause)
        elif known is not None and handover.refused_because:
            self._alarms.update(turn, known, cause.detail)
        elif known is not None and is_open:
            self._alarms.clear(turn, duty, known, "the post was handed over")


def _refused_words(site: Site, handover: Handover) -> str:
    post, why = post_name(site, handover.post), handover.refused_because
    outgoing, incoming = person_name(site, handover.outgoing), person_name(site, handover.incoming)
    return in_both(
        Text(
            f"{post.zh}：{incoming}未接班（{why}），{outgoing}仍在岗",
            f"{post.in_language('en')}: {incoming} did not take over ({why}), {outgoing} stays",
        )
    )


def _refusal(duty: Duty, asked: HandedOver) -> Refusal:
    if asked.post not in duty.roster.posts:
        return NO_POST
    people = [duty.person(name) for name in (asked.outgoing, asked.incoming)]
    if any(person is None or person.group for person in people):
        return NO_NAMES
    if asked.outgoing == asked.incoming:
        return SAME_NAME
    if max(len(asked.note), len(asked.open_items), len(asked.refused_because)) > NOTE_MAX:
        return TOO_LONG
    return ""


VERB: Final = "hand_over"
NO_POST: Final = "there is no such post in the site file"
NO_NAMES: Final = "a hand-over needs the names of two people of the site file, who leaves and who comes"
SAME_NAME: Final = "who leaves and who comes are the same person"
TOO_LONG: Final = "the note, the open items and the reason have at most 2,000 letters each"

REFUSALS: Final = (NO_POST, NO_NAMES, SAME_NAME, TOO_LONG)
