"""Who can be told at an instant: people of a site by id, role, post, team or neighbour home, and the plans."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rules.pace import Pace
from rules.people import Handover
from rules.plans import Plans
from rules.roster import Roster
from rules.site import Person, Site
from rules.witness import panel_addresses

HANDOVERS_MAX = 50
"""Hand-overs that are remembered; the journal has them all."""


class Duty:
    """The people of one site as plans name them.

    A person's or contact's id (`contact:ID` too), `role:NAME`, `role:*` for everybody of the home, `post:NAME` (who
    holds it then), `team:NAME`, `home:ID` (the people of a neighbour home). As long as the clock is not known, a post
    is everybody whom the roster ever names for it. `panel_addresses` tells which devices of the site are parts of
    which fire panel (see `rules.witness`). `rank` puts those behind the others whom their phones reach badly,
    `in_order` a person's failing channels behind the others.
    """

    def __init__(self, site: Site, *, clock_known: bool = True) -> None:
        self._by_id = {person.id: person for person in site.people}
        self._contacts = {person.id: person for person in site.contacts}
        self.plans = Plans(site)
        self.pace = Pace(site)
        self.roster = Roster(site)
        self.clock_known = clock_known
        self.handovers: tuple[Handover, ...] = ()
        self.rank: Callable[[Person, datetime], int] | None = None
        self.in_order: Callable[[Person], Person] = lambda person: person
        self.panel_addresses = panel_addresses(site)

    def renewed(self, site: Site) -> Duty:
        """The duty of a new site: what happened (hand-overs, phones that failed, the clock) stays known."""
        duty = Duty(site, clock_known=self.clock_known)
        duty.handovers = tuple(each for each in self.handovers if each.post in duty.roster.posts)
        duty.rank, duty.in_order = self.rank, self.in_order
        return duty

    def person(self, person: str) -> Person | None:
        """The person or contact with this id, or None."""
        return self._by_id.get(person) or self._contacts.get(person)

    def on_duty(self, post: str, at: datetime) -> list[Person]:
        """Who holds a post: those of the roster, and who took it over by hand, until the roster changes next."""
        if not self.clock_known:
            names = self.roster.ever(post)
        else:
            names = self.roster.holders(post, at)
            taken = self.last_handover(post)
            if taken is not None and taken.counts_until is not None and taken.at <= at < taken.counts_until:
                names = (*names, taken.holder)
        people = [self._by_id.get(name) for name in dict.fromkeys(names)]
        return [person for person in people if person is not None]

    def last_handover(self, post: str) -> Handover | None:
        """The newest hand-over of a post, or None."""
        return next((each for each in reversed(self.handovers) if each.post == post), None)

    def reachable(self, tell: tuple[str, ...], at: datetime) -> list[Person]:
        """The people named, on duty and with a channel, each once, in the order named."""
        chosen: dict[str, Person] = {}
        for name in tell:
            for person in self._named(name, at):
                if person.on_duty and person.is_reachable and self._belongs(person, at):
                    chosen.setdefault(person.id, person)
        return self.prefer(list(chosen.values()), at)

    def everybody(self, at: datetime) -> list[Person]:
        """Everyone of the home who has a channel, directors first, on duty or not: for an empty step.

        Where nobody belongs to it then, everyone whom its list names; where none of these has a channel, its contacts.
        """
        people = [person for person in self._by_id.values() if person.is_reachable]
        people = [person for person in people if self._belongs(person, at)] or people
        people = people or [person for person in self._contacts.values() if person.is_reachable]
        return self.prefer(sorted(people, key=lambda person: person.role != "director"), at)

    def prefer(self, people: list[Person], at: datetime) -> list[Person]:
        """The same people, those whose phones are known to fail or lag last. Nobody is ever dropped."""
        rank = self.rank
        return people if rank is None else sorted(people, key=lambda person: rank(person, at))

    def _belongs(self, person: Person, at: datetime) -> bool:
        return not self.clock_known or person.is_assigned(self.roster.time.day_of(at))

    def _named(self, name: str, at: datetime) -> list[Person]:
        kind, _, rest = name.partition(":")
        people = list(self._by_id.values())
        match kind:
            case _ if not rest:
                person = self.person(name)
                return [person] if person else []
            case "role":
                return [person for person in people if rest in ("*", person.role)]
            case "team":
                return [person for person in people if rest in person.teams]
            case "post":
                return self.on_duty(rest, at)
            case "home":
                return [person for person in self._contacts.values() if person.home == rest]
            case "contact":
                return [self._contacts[rest]] if rest in self._contacts else []
            case _:
                return []
