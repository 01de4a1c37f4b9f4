"""The backtest: a recorded morning with known verdicts, run with other rules; and the candidate that it is made of."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.report.backtest import Backtest, InputFile, backtest, lines
from gateway.report.backtest_page import cut, page
from gateway.report.candidate import Candidate, raised_in
from gateway.report.difference import SAME_WITHIN, Comparison, Episode, matched
from rules.condition import AnyOf, Equals
from rules.effects import AlarmChanged, Change
from rules.engine import Engine
from rules.inputs import ReadingsArrived
from rules.rule import Rule
from tests.backtest_world import END, HOME, START, Morning, shipped_rules
from tests.configuration_world import MAIN, changed
from tests.configuration_world import write as write_configuration
from tests.unit.test_ledger_commands import anlian

MORNING = Morning().live()
RULES = shipped_rules()
COUNT = sum(entry.at < END for entry in MORNING.entries)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(MORNING.record(tmp_path_factory.mktemp("morning")))


SUSPECTED = AnyOf(of=(Equals(point="fall.suspected", value=True), Equals(point="fall.alarm", value=True)))


def tried(path: Path, rules: tuple[Rule, ...], begin: timedelta = timedelta(0)) -> Backtest:
    with InputFile(path) as file:
        found = asyncio.run(backtest(file, HOME, MORNING.site, rules, "new", START + begin, END))
    assert found is not None
    return found


def without(*names: str) -> tuple[Rule, ...]:
    assert set(names) <= {rule.id for rule in RULES}
    return tuple(rule for rule in RULES if rule.id not in names)


def held_back(*names: str) -> tuple[Rule, ...]:
    """The rules, some of which wait for a day: the gateway's guards think that the danger is covered."""
    assert set(names) <= {rule.id for rule in RULES}
    return tuple(replace(rule, raise_after=timedelta(days=1)) if rule.id in names else rule for rule in RULES)


def with_changed(name: str, **changes: object) -> tuple[Rule, ...]:
    return tuple(replace(rule, **changes) if rule.id == name else rule for rule in RULES)


def test_the_same_rules_make_no_difference(recorded: Path) -> None:
    found = tried(recorded, RULES)
    difference = found.difference
    assert (difference.recorded, len(difference.pairs)) == (difference.candidate, difference.candidate)
    assert difference.recorded >= 5
    assert (difference.more, difference.confirmed.not_raised, difference.false.not_raised) == ((), (), ())
    assert difference.earlier_s == 0.0
    assert (found.entries, found.gaps, found.faults) == (COUNT, 0, [])


def test_a_rule_that_waits_avoids_the_false_alarm_that_it_gave(recorded: Path) -> None:
    difference = tried(recorded, held_back("fire.gas", "fire.gas_present")).difference
    assert [one.rule for one in difference.false.not_raised] == ["fire.gas"]
    assert difference.false.total > len(difference.false.not_raised)
    assert difference.confirmed.not_raised == ()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_rule_that_is_gone_silences_nobody_and_what_raises_in_its_place_is_named(
    recorded: Path, language: str
) -> None:
    found = tried(recorded, without("fire.smoke", "fire.smoke_rising", "fire.gas", "fire.gas_present"))
    difference = found.difference
    assert (difference.confirmed.not_raised, difference.false.not_raised, difference.more) == ((), (), ())
    assert difference.recorded == difference.candidate == len(difference.pairs)
    assert difference.by_guards() == ["fire.gas (gas.alarm)", "fire.smoke (smoke.alarm)"]
    told = "\n".join(lines(found, MORNING.site, language))
    assert "fire.gas (gas.alarm), fire.smoke (smoke.alarm)" in told


def test_where_every_danger_has_its_rule_no_guard_is_named(recorded: Path) -> None:
    assert tried(recorded, RULES).difference.by_guards() == []


def test_a_rule_that_waits_for_a_day_misses_what_people_confirmed(recorded: Path) -> None:
    difference = tried(recorded, held_back("fire.smoke", "fire.smoke_rising", "fire.heat")).difference
    assert {one.rule for one in difference.confirmed.not_raised} == {"fire.smoke"}
    assert difference.false.not_raised == ()


def shipped(name: str) -> Rule:
    return next(rule for rule in RULES if rule.id == name)


def test_a_rule_that_waits_is_later_and_one_that_hears_a_warning_is_earlier(recorded: Path) -> None:
    waits = tried(recorded, with_changed("fire.smoke", raise_after=timedelta(seconds=4))).difference
    lead = {pair.recorded.subject: pair.earlier_s for pair in waits.pairs}
    assert lead["smoke-kitchen"] == -4.0
    warned = with_changed("person.fall", condition=SUSPECTED)
    lead = {pair.recorded.subject: pair.earlier_s for pair in tried(recorded, warned).difference.pairs}
    assert lead["fall-room-101"] == 20.0


def test_what_the_new_rules_raise_alone_is_more(recorded: Path) -> None:
    door = replace(
        shipped("fire.smoke"),
        id="own.motion",
        condition=Equals(point="motion", value=True),
        latch=False,
        select=replace(shipped("fire.smoke").select, kinds=("motion",)),
        category=shipped("supervision.tamper").category,
    )
    difference = tried(recorded, (*RULES, door)).difference
    assert difference.more
    assert {one.rule for one in difference.more} == {"own.motion"}
    assert len(difference.pairs) == difference.recorded


def test_what_nobody_heard_of_is_reset_when_it_cleared_and_can_raise_again(recorded: Path) -> None:
    motion = replace(
        shipped("fire.smoke"),
        id="own.motion",
        condition=Equals(point="motion", value=True),
        latch=True,
        select=replace(shipped("fire.smoke").select, kinds=("motion",)),
        category=shipped("supervision.tamper").category,
    )
    difference = tried(recorded, (*RULES, motion)).difference
    by_device: dict[str, int] = {}
    for one in difference.more:
        by_device[one.subject] = by_device.get(one.subject, 0) + 1
    assert max(by_device.values()) > 1


def test_only_the_time_that_is_asked_for_counts_and_the_engine_is_warm(recorded: Path) -> None:
    difference = tried(recorded, RULES, begin=timedelta(minutes=95)).difference
    assert {one.recorded.category for one in difference.pairs} >= {"gas", "person"}
    assert "fire" not in {one.recorded.category for one in difference.pairs}
    assert difference.more == ()


def test_rules_that_break_the_engine_are_told_and_the_rest_is_run(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Engine.step

    def step(self: Engine, happened: object) -> object:
        if isinstance(happened, ReadingsArrived) and self.seq == 100:
            raise ZeroDivisionError("planted")
        return real(self, happened)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "step", step)
    found = tried(recorded, RULES)
    assert found.faults == ["seq 101: ZeroDivisionError: planted"]
    assert found.entries == COUNT


def test_the_candidate_changes_nothing_of_the_live_engine() -> None:
    live = Engine(HOME)
    live.step(MORNING.entries[0].input)
    candidate = Candidate(Engine.restore(live.snapshot()), without("fire.smoke"), "other")
    candidate.begin(START)
    before = live.snapshot()
    for entry in MORNING.entries[1:4000]:
        candidate.take(entry)
    assert live.snapshot() == before
    assert candidate.engine.ruleset == "other"


def test_a_person_who_acted_on_the_live_alarm_acts_on_the_candidates() -> None:
    """Raised 20 s earlier, under another id: the reset that people gave must reach it."""
    engine = Engine(HOME)
    engine.site = MORNING.site
    warned = with_changed("person.fall", condition=SUSPECTED)
    candidate = Candidate(engine, warned, "x")
    candidate.begin(START)
    raised, reset_by = [], []
    for entry in MORNING.entries:
        effects = candidate.take(entry)
        raised += [alarm.id for alarm in raised_in(effects) if alarm.rule == "person.fall"]
        changes = [effect for effect in effects if isinstance(effect, AlarmChanged) and effect.alarm.id in raised]
        reset_by += [effect.by for effect in changes if effect.change is Change.RESET]
    assert reset_by == ["carer"]
    recorded = {alarm.id for entry in MORNING.entries for alarm in raised_in(entry.effects)}
    assert not set(raised) & recorded
    assert not [alarm for alarm in candidate.engine.alarms.values() if alarm.rule == "person.fall"]


def episode(number: int, subject: str = "a", seconds: float = 0, zone: str = "z") -> Episode:
    at = START + timedelta(seconds=seconds)
    return Episode(f"{subject}{number}", "i", "r", subject, zone, "fire", at)


@pytest.mark.parametrize(
    ("recorded_at", "candidate_at", "pairs"),
    [([0], [5], 1), ([0], [601], 0), ([0, 100], [99], 1), ([0, 100], [99, 1], 2), ([], [1], 0)],
)
def test_the_nearest_in_time_is_the_same(recorded_at: list[int], candidate_at: list[int], pairs: int) -> None:
    left = [episode(n, seconds=at) for n, at in enumerate(recorded_at)]
    right = [episode(n, seconds=at) for n, at in enumerate(sorted(candidate_at))]
    found = matched(left, right)
    assert len(found) == pairs
    assert all(abs(pair.earlier_s) <= SAME_WITHIN.total_seconds() for pair in found)


def test_a_device_goes_before_a_zone_and_a_zone_will_do() -> None:
    left = [episode(1, "a"), episode(2, "b")]
    found = matched(left, [episode(3, "b", 300), episode(4, "room", -1)])
    assert {(pair.recorded.subject, pair.candidate.subject) for pair in found} == {("a", "room"), ("b", "b")}


def test_a_second_detector_of_an_incident_keeps_it_from_being_missed() -> None:
    raised = [alarm for entry in MORNING.entries for alarm in raised_in(entry.effects)]
    first = next(alarm for alarm in raised if alarm.subject == "smoke-kitchen")
    second = replace(first, id="second", subject="smoke-pantry", raised_at=first.raised_at + timedelta(seconds=20))
    verdict = next(e for entry in MORNING.entries for e in entry.effects if getattr(e, "change", "") == "verdict")
    comparison = Comparison(START, END)
    both = [AlarmChanged(at=one.raised_at, alarm=one, change=Change.RAISED) for one in (first, second)]
    incident = replace(verdict.incident, id=first.incident)  # type: ignore[union-attr]
    comparison.take([*both, replace(verdict, incident=incident)], both[1:])
    found = comparison.result()
    assert (found.confirmed.total, found.confirmed.not_raised) == (1, ())
    assert found.earlier_s == 0.0


def test_a_comparison_of_nothing_is_empty() -> None:
    found = Comparison(START, END).result()
    assert (found.recorded, found.candidate, found.earlier_s, found.confirmed.total) == (0, 0, None, 0)


@pytest.mark.parametrize(
    ("language", "words"), [("en", "1 of 2 false avoided"), ("zh", "误报 2 起中避免 1 起")]
)
def test_the_sentence_says_it(recorded: Path, language: str, words: str) -> None:
    found = tried(recorded, held_back("fire.gas", "fire.gas_present"))
    assert words in "\n".join(lines(found, MORNING.site, language))


class Tags(HTMLParser):
    """What a page refers to outside itself, and which marks it draws."""

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []
        self.marks: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.outside += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag in ("circle", "path"):
            self.marks.append(named.get("class") or "")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_shows_what_was_missed_and_needs_nothing_beside_it(recorded: Path, language: str) -> None:
    found = tried(recorded, held_back("fire.smoke", "fire.smoke_rising", "fire.gas"))
    assert found.difference.confirmed.not_raised and found.difference.false.not_raised
    text = page([found], {HOME: MORNING.site}, language)
    tags = Tags()
    tags.feed(text)
    assert tags.outside == []
    key = 1
    assert tags.marks.count("missed") == len(found.difference.confirmed.not_raised) + key
    assert tags.marks.count("avoided") == len(found.difference.false.not_raised) + key
    assert "url(" not in text


def test_the_page_escapes_what_devices_are_called(recorded: Path) -> None:
    found = tried(recorded, RULES)
    more = (replace(episode(1, "<script>"), raised_at=START),)
    found = replace(found, difference=replace(found.difference, more=more))
    assert "<script>" not in page([found], {HOME: MORNING.site})


@pytest.mark.parametrize(
    ("name", "found"),
    [("short", "short"), ("烟" * 16, "烟" * 16), ("烟" * 17, "烟" * 15 + "…"), ("x" * 33, "x" * 31 + "…")],
)
def test_a_name_in_the_picture_is_cut_by_its_width(name: str, found: str) -> None:
    assert cut(name, 32) == found


def test_the_page_and_the_words_call_devices_and_places_by_their_names_in_the_homes_own_time(recorded: Path) -> None:
    found = tried(recorded, held_back("fire.smoke"))
    early = ((START - timedelta(days=1), 330),)  # India: five and a half hours
    site = replace(MORNING.site, timezone="Asia/Kolkata", offsets=early)
    told, text = "\n".join(lines(found, site, "en")), page([found], {HOME: site}, "en")
    assert "2026-11-20 06:30 – 2026-11-20 09:30 Asia/Kolkata" in told and "06:30 – 2026-11-20 09:30" in text
    (device,) = [one for one in site.devices if one.id == "smoke-kitchen"]
    name = " · ".join(part for part in (device.room, device.name.in_language("en")) if part)
    zone = next(one for one in site.zones if one.id == device.zone).name.in_language("en")
    assert name in told and name in text
    assert f"{zone} " in told and f"<td>{zone}</td>" in text


@pytest.fixture
def settings(tmp_path: Path, recorded: Path) -> Path:
    write_configuration(tmp_path)
    (tmp_path / "demo.toml").write_text(MORNING.home.site_toml(), "utf-8")
    main = changed(MAIN, 'sites = ["home-a.toml"]', 'sites = ["demo.toml"]')
    main = changed(main, 'home = "home-a"\ncodec', 'home = "demo"\ncodec').replace('name = "phone"', 'name = "ntfy"')
    main += '\n[[sources]]\nname = "native"\nbroker = "local"\nhome = "demo"\ncodec = "native"\n'
    main += 'prefix = "anlian/v1/demo"\n'
    (tmp_path / "gateway.toml").write_text(main, "utf-8")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "journal.db").write_bytes(recorded.read_bytes())
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "person.toml").write_text(
        '[[rule]]\nid = "person.sos"\ntitle = {zh = "呼叫", en = "SOS"}\ncategory = "person"\n'
        'condition = {equals = {point = "sos.alarm", value = true}}\nlatch = true\n'
        '[[rule]]\nid = "person.fall"\ntitle = {zh = "跌倒", en = "fall"}\ncategory = "person"\nraise_after = "4h"\n'
        'condition = {equals = {point = "fall.alarm", value = true}}\nlatch = true\n',
        "utf-8",
    )
    return tmp_path / "gateway.toml"


def test_the_command_misses_a_fall_and_says_so_by_its_exit_code(settings: Path, tmp_path: Path) -> None:
    words = ("--rules", tmp_path / "new", "--from", f"{START.isoformat()}", "--to", f"{END.isoformat()}")
    code, said = anlian("backtest", settings, *words, "--json", "--html", tmp_path / "page.html")
    assert code == 1, said
    line = next(line for line in said.splitlines() if line.startswith("{"))
    missed = json.loads(line)["difference"]["confirmed"]["not_raised"]
    assert {one["rule"] for one in missed} <= {"person.fall", "person.fall_attended", "person.fall_still"}
    assert missed
    assert "fall-room-101" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [("none", "cannot be read"), ("bad.toml", "conditions"), ("empty", "without a rule")],
)
def test_rules_that_are_none_are_refused(settings: Path, tmp_path: Path, words: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.toml").write_text('[[rule]]\nid = "x"\nconditions = 1\n', "utf-8")
    code, told = anlian("backtest", settings, "--rules", tmp_path / words)
    assert code == 2
    assert said in told


def test_a_time_without_inputs_is_said(settings: Path, tmp_path: Path) -> None:
    code, said = anlian("backtest", settings, "--rules", tmp_path / "new", "--from", "2027-01-01", "--to", "2027-01-02")
    assert (code, "no inputs" in said) == (0, True)
