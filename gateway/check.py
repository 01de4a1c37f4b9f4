"""`anlian check`: everything that can be known to be wrong before the start, and what is merely odd.

Beyond what `load` refuses: devices that no rule watches, zones without a device, plans that reach nobody, people
without a channel; and the scenarios of every pack are played. Warnings do not fail.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path

import msgspec
from msgspec.structs import replace

from gateway.accounts_file import account_faults
from gateway.check_rules import own_points, place_oddities, rule_oddities
from gateway.check_surroundings import surroundings
from gateway.clock import SystemClock
from gateway.load import EXIT_CODE, Pack, examine, kind_defaults
from rules.alarm import Category
from rules.duty import Duty
from rules.index import selects
from rules.parse import Fault, KindDefaults, Names, parse_site
from rules.roster_gaps import AHEAD, GapKind, by_cause, find_gaps
from rules.roster_words import gap_words
from rules.rule import Rule
from rules.scenario import run_scenario
from rules.scenario_text import read_scenarios
from rules.site import Device, Site


class Report(msgspec.Struct, frozen=True):
    """What a check found: faults and warnings, what there is, and how many scenarios were played."""

    file: str
    faults: tuple[Fault, ...]
    homes: int = 0
    devices: int = 0
    people: int = 0
    rules: int = 0
    ruleset: str = ""
    scenarios: int = 0
    scenarios_failed: int = 0

    @property
    def exit_code(self) -> int:
        """0, or 2 if there is a fault beyond warnings."""
        return EXIT_CODE if any(not fault.warning for fault in self.faults) else 0

    def lines(self) -> Iterator[str]:
        """The report as it is printed: faults, warnings, counts."""
        for fault in sorted(self.faults, key=lambda fault: fault.warning):
            yield f"{'warning' if fault.warning else 'FAULT'}  {fault}"
        warnings = sum(fault.warning for fault in self.faults)
        yield f"{self.file}: {_counted(len(self.faults) - warnings, 'fault')}, {_counted(warnings, 'warning')}"
        if self.homes:
            people = _counted(self.people, "person", "people")
            yield f"{_counted(self.homes, 'home')}, {_counted(self.devices, 'device')}, {people}"
            yield f"{_counted(self.rules, 'rule')}, ruleset {self.ruleset}"
            yield f"{_counted(self.scenarios, 'scenario')} played, {self.scenarios_failed} failed"


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def check(path: Path, environment: Mapping[str, str] | None = None) -> list[Fault]:
    """Every fault and warning of a configuration."""
    return list(report(path, environment).faults)


def run(path: Path, echo: Callable[[str], object] = print) -> int:
    """Check, print the report line by line, and return the exit code."""
    found = report(path)
    for line in found.lines():
        echo(line)
    return found.exit_code


def report(path: Path, environment: Mapping[str, str] | None = None, now: datetime | None = None) -> Report:
    """The whole check, of the roster from `now` on. With faults in the files, what hangs on them is not looked at."""
    now = now or SystemClock().wall()
    configuration, found = examine(path, environment, elsewhere=True)
    if configuration is None:
        return Report(str(path), found)
    kinds = kind_defaults()
    faults = list(found)
    faults += surroundings(configuration.settings, configuration.secrets, str(path.absolute()))
    faults += rule_oddities(configuration, kinds)
    for site in configuration.sites:
        faults += _site_oddities(site, configuration.rules, kinds, now)
        faults += place_oddities(site, configuration.rules, kinds)
    played, failed = 0, 0
    home = scenario_home(configuration.sites)
    for pack in configuration.packs:
        count, failures = play(pack, home)
        played += count
        failed += len({fault.path for fault in failures if not fault.warning})
        faults += failures
    accounts = configuration.settings.console.accounts
    if accounts is not None and accounts.exists():
        people = {site.id: [person.id for person in site.people] for site in configuration.sites}
        faults += account_faults(accounts, people)
    return Report(
        str(path),
        tuple(faults),
        homes=len(configuration.sites),
        devices=sum(len(site.devices) for site in configuration.sites),
        people=sum(len(site.people) for site in configuration.sites),
        rules=len(configuration.rules),
        ruleset=configuration.ruleset,
        scenarios=played,
        scenarios_failed=failed,
    )


def scenario_home(sites: tuple[Site, ...] = ()) -> Site:
    """The shipped home of the scenarios, and beside its own devices those of these sites, for packs that name them."""
    values = tomllib.loads((resources.files("rules.packs") / "home.toml").read_text("utf-8"))
    home, faults = parse_site(values, Names(kind_defaults()))
    if home is None:
        raise ValueError(f"the shipped home of the scenarios has faults: {'; '.join(map(str, faults))}")
    devices = {device.id: device for site in sites for device in site.devices}
    devices |= {device.id: device for device in home.devices}
    zones = {zone.id: zone for site in sites for zone in site.zones} | {zone.id: zone for zone in home.zones}
    return replace(home, devices=tuple(devices.values()), zones=tuple(zones.values()))


def play(pack: Pack, home: Site) -> tuple[int, list[Fault]]:
    """How many scenarios of a pack were played (with that pack's rules alone), and what failed."""
    if pack.scenarios is None:
        problem = f"no scenarios: nobody has seen these rules work ({pack.scenario_file} is not there)"
        mend = "Write one that raises and one that does not for each rule"
        return 0, [Fault(file=pack.file, path="", problem=problem, mend=mend, warning=True)]
    scenarios, faults = read_scenarios(pack.scenarios, pack.scenario_file)
    for scenario in scenarios:
        failures = run_scenario(scenario, home, pack.rules)
        where = f"line {scenario.line}"
        mend = "Mend the rule or the scenario"
        faults += [Fault(file=pack.scenario_file, path=where, problem=words, mend=mend) for words in failures]
    raised = {rule for scenario in scenarios for rule in scenario.raises}
    for rule in pack.rules:
        if rule.id not in raised:
            problem = f"no scenario raises rule {rule.id!r}"
            faults.append(Fault(file=pack.scenario_file, path="", problem=problem, mend="Write one", warning=True))
    return len(scenarios), faults


def _site_oddities(
    site: Site, rules: tuple[Rule, ...], kinds: Mapping[str, KindDefaults], now: datetime
) -> Iterator[Fault]:
    file = f"home {site.id}"
    for device in site.devices:
        yield from _device_oddities(device, rules, kinds, file)
    used = {device.zone for device in site.devices}
    for zone in site.zones:
        if zone.id not in used:
            mend = "Give it a detector, or strike it out"
            yield Fault(file=file, path=f"zone {zone.id}", problem="has no device", mend=mend, warning=True)
    yield from _roster_oddities(site, file, now)
    yield from _plan_oddities(site, file, now)


def _roster_oddities(site: Site, file: str, now: datetime) -> Iterator[Fault]:
    """The gaps of the next 30 days, those of one cause as one warning."""
    for gap, more in by_cause(find_gaps(site, now)):
        problem = gap_words(site, gap).in_language("en")
        if more:
            problem = f"{problem}; and {_counted(more, 'time')} more in the next {AHEAD.days} days"
        where = f"post {gap.post}" if gap.post else f"person {gap.person}" if gap.person else "shift"
        yield Fault(file=file, path=where, problem=problem, mend=_MENDS[gap.kind], warning=True)


_MENDS = {
    GapKind.UNCOVERED: "Write a [[shift]] or an [[override]] for it, or narrow the hours of the post",
    GapKind.SHORT: "Put somebody more on the shift, or write a smaller people_min",
    GapKind.CONTROL_ROOM: "Put a second operator on the shift, or name the local rule: single_allowed_by",
    GapKind.TWO_POSTS: "Write an [[override]], or combinable = true where one person may do both",
    GapKind.UNCERTIFIED: "Put somebody with the certificate on the shift, or write it among the person's certificates",
    GapKind.UNREACHABLE: 'Write channels = [{destination = "…", address = "…"}], with the person\'s consent',
    GapKind.EXPIRED: "Renew it, and write the new day: expires_on",
    GapKind.EXPIRING: "Renew it in time, and write the new day: expires_on",
    GapKind.HOLIDAYS: "Update the gateway once the State Council has announced them (in November of the year before)",
}


def _device_oddities(
    device: Device, rules: tuple[Rule, ...], kinds: Mapping[str, KindDefaults], file: str
) -> Iterator[Fault]:
    """A device that nothing watches; for one that watches over a danger this is a fault."""
    points = set(kinds[device.kind].points)
    watching = [rule for rule in rules if selects(rule.select, device) and points.intersection(own_points(rule))]
    where = f"device {device.id}"
    if not watching:
        problem = f"no rule watches a {device.kind}"
        yield Fault(file=file, path=where, problem=problem, mend="Add a rule, or a pack that has one", warning=True)
    if not device.category or not Category(device.category).endangers_people:
        return
    if not any(rule.category.value == device.category for rule in watching):
        problem = f"no rule of category {device.category} watches it: its alarm would be told to nobody"
        yield Fault(file=file, path=where, problem=problem, mend="Add the shipped pack that has one to packs")


def _plan_oddities(site: Site, file: str, now: datetime) -> Iterator[Fault]:
    """A category of which nobody can be told, and steps that reach nobody, whatever the hour: gaps are told apart."""
    duty = Duty(site, clock_known=False)
    chains = [
        (plan, chain) for category in Category for plan in duty.plans.of_category(category) for chain in plan.all_chains
    ]
    for plan, chain in chains:
        category = plan.category
        reached = [duty.reachable(step.tell, now) for step in chain.steps]
        where = " ".join(part for part in ("plan", plan.id or category.value, chain.name) if part)
        if not any(reached):
            mend = "Give a person of this plan a channel, and put somebody on duty"
            warning = not category.endangers_people
            yield Fault(file=file, path=where, problem="reaches nobody", mend=mend, warning=warning)
            continue
        for number, people in enumerate(reached, 1):
            if not people:
                problem = f"step {number} reaches nobody: the next one then runs at once"
                mend = "Name somebody on duty who has a channel"
                yield Fault(file=file, path=where, problem=problem, mend=mend, warning=True)
