"""The backtest: the recorded inputs of a home run through the production engine with other rules.

It begins a day before the time that is asked for, so that the engine knows its devices when it counts, and from the
site that was in force then. Recorded inputs reach back as far as the journal keeps them (`keep_days`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec

from gateway.record.record import JournalEntry
from gateway.record.replay import JournalFile
from gateway.record.segments import from_ms, to_ms
from gateway.report.candidate import Candidate
from gateway.report.difference import Comparison, Difference
from gateway.report.names import SiteNames
from rules.engine import Engine
from rules.inputs import SiteChanged, TimePassed
from rules.rule import Rule
from rules.site import Site

WARM_UP: Final = timedelta(days=1)
READ_AT_ONCE: Final = 4096
FAULTS_SHOWN: Final = 10

Progress = Callable[[int, int], object]
"""Told (entries done, entries in all)."""


class Backtest(msgspec.Struct, kw_only=True):
    """What a backtest of one home found. `begin` is later than asked for where the journal reaches less far back."""

    home: str
    begin: datetime
    end: datetime
    entries: int
    ruleset: str
    difference: Difference
    gaps: int = 0
    faults: list[str] = []
    broken: list[str] = []


class InputFile(JournalFile):
    """A journal's file whose inputs are read between two instants."""

    def reach(self, stream: str, begin: datetime) -> tuple[int, int, int] | None:
        """The first seq and instant (ms) of the rows that reach beyond `begin`, and the last seq; None without any."""
        sql = "SELECT min(first_seq), min(at_first), max(last_seq) FROM segment WHERE stream=? AND at_last>=?"
        ((first, at, last),) = self._fetch(sql, (stream, to_ms(begin)))
        return None if first is None else (first, at, last)


async def backtest(
    file: InputFile,
    home: str,
    site: Site,
    rules: tuple[Rule, ...],
    ruleset: str,
    begin: datetime,
    end: datetime,
    progress: Progress | None = None,
) -> Backtest | None:
    """Run one home's inputs with these rules; None where the journal has none in that time. `site` stands in where
    the journal does not say which site was in force.
    """
    reach = file.reach(home, begin - WARM_UP)
    if reach is None:
        return None
    first, at_first, last = reach
    site = await _site_before(file, home, first) or site
    run = _Run(site, rules, ruleset, Comparison(begin, end), first, from_ms(at_first))
    seq = first - 1
    while entries := await file.read(home, seq, READ_AT_ONCE):
        for entry in entries:
            if entry.at >= end:
                break
            run.take(entry)
        seq = entries[-1].seq
        if progress is not None:
            progress(seq - first + 1, last - first + 1)
        if entries[-1].at >= end:
            break
    run.finish(end)
    reached = max(begin, from_ms(at_first)) if first > 1 else begin
    return Backtest(
        home=home,
        begin=reached,
        end=end,
        entries=run.entries,
        ruleset=ruleset,
        difference=run.comparison.result(),
        gaps=run.gaps,
        faults=run.faults,
        broken=[words for _, _, words in file.broken],
    )


async def _site_before(file: InputFile, home: str, first: int) -> Site | None:
    """The site that was in force before a seq, as a snapshot has it; None where none is kept that can be read."""
    known = [body for seq, body in await file.snapshots(home) if seq < first]
    try:
        return Engine.restore(known[-1]).site if known else None
    except ValueError:
        return None


class _Run:
    """One backtest under way."""

    def __init__(
        self,
        site: Site,
        rules: tuple[Rule, ...],
        ruleset: str,
        comparison: Comparison,
        first: int,
        at: datetime,
    ) -> None:
        self._site, self._rules, self._ruleset = site, rules, ruleset
        self.comparison = comparison
        self.entries = self.gaps = 0
        self.faults: list[str] = []
        self._seen = first - 1
        self._last_at = at
        self._candidate = self._anew(at)

    def _anew(self, at: datetime) -> Candidate:
        engine = Engine(self._site.id)
        engine.site = self._site
        candidate = Candidate(engine, self._rules, self._ruleset)
        candidate.begin(at)
        return candidate

    def take(self, entry: JournalEntry) -> None:
        """One entry: the candidate's effects beside the recorded ones."""
        if entry.seq != self._seen + 1:
            self.gaps += 1
        self._seen = entry.seq
        self.entries += 1
        if isinstance(entry.input, SiteChanged):
            self._site = entry.input.site
        try:
            effects = self._candidate.take(entry)
        except Exception as fault:  # noqa: BLE001 - rules under trial may break anything, and the rest is still worth it
            # The engine is half changed: the candidate begins anew behind this input, and the report says so.
            if len(self.faults) < FAULTS_SHOWN:
                self.faults.append(f"seq {entry.seq}: {type(fault).__name__}: {fault}")
            effects = ()
            self._candidate = self._anew(entry.at)
        self._last_at = entry.at
        self.comparison.take(entry.effects, effects)

    def finish(self, end: datetime) -> None:
        """Fire what is due by the end."""
        engine = self._candidate.engine
        due = engine.next_deadline()
        if due is not None and due < end:
            # Not beyond what was recorded: silence after the last entry is not silence of the devices.
            self.comparison.take((), engine.step(TimePassed(at=max(self._last_at, engine.now or self._last_at))))


BY_GUARDS: Final = (
    "新规则没有覆盖，仍由网关兜底报警：{names}",
    "no rule covers it, raised by the gateway's own guard: {names}",
)


def sentence(found: Difference, language: str = "zh") -> Iterator[str]:
    """The difference in one sentence, as parts."""
    missed, avoided = len(found.confirmed.not_raised), len(found.false.not_raised)
    silent = len(found.unjudged.not_raised)
    lead = found.earlier_s
    if language == "en":
        yield f"{len(found.more)} more raised"
        yield f"{missed} of {found.confirmed.total} confirmed missed"
        yield f"{avoided} of {found.false.total} false avoided"
        yield f"{silent} of {found.unjudged.total} without a verdict not raised"
        if lead is not None and abs(lead) < 0.05:
            yield "first raise at the same time"
        elif lead is not None:
            yield f"first raise {abs(lead):.1f} s {'earlier' if lead >= 0 else 'later'}"
        return
    yield f"多报 {len(found.more)} 次"
    yield f"真实警情 {found.confirmed.total} 起中漏报 {missed} 起"
    yield f"误报 {found.false.total} 起中避免 {avoided} 起"
    yield f"未复核 {found.unjudged.total} 起中不再报 {silent} 起"
    if lead is not None and abs(lead) < 0.05:
        yield "首次报警时间不变"
    elif lead is not None:
        yield f"首次报警{'提前' if lead >= 0 else '推迟'} {abs(lead):.1f} 秒"


def lines(found: Backtest, site: Site, language: str = "zh", most: int = 20) -> Iterator[str]:
    """The backtest in words: the sentence, what was missed first, then what is more."""
    difference = found.difference
    en = language == "en"
    call = SiteNames(site, language)
    yield f"{found.home} {site.name.in_language(language)}  {call.span(found.begin, found.end)}"
    comma = ", " if en else "，"
    yield comma.join(sentence(difference, language))
    names = (
        (("MISSED", "漏报"), difference.confirmed.not_raised),
        (("not raised", "不再报"), difference.unjudged.not_raised),
        (("avoided", "避免误报"), difference.false.not_raised),
        (("more", "多报"), difference.more),
    )
    for (english, chinese), episodes in names:
        for one in episodes[:most]:
            word = english if en else chinese
            what = f"{one.rule_in(language)} ({one.rule}) {call.zone(one.zone)} {one.id}"
            yield f"  {word}: {call.local(one.raised_at):%m-%d %H:%M:%S} {call.subject(one.subject)} {what}"
        if len(episodes) > most:
            yield f"  … +{len(episodes) - most}"
    if guarded := ", ".join(difference.by_guards()):
        yield BY_GUARDS[en].format(names=guarded)
    if found.gaps:
        yield f"{found.gaps} gaps in the journal" if en else f"日志中有 {found.gaps} 处缺口"
    if difference.left_off:
        yield f"{difference.left_off} not compared" if en else f"{difference.left_off} 条未比较"
    for words in (*found.faults, *found.broken):
        yield f"! {words}"
