"""The report of alarm quality: counted from the journal's archive, told in words or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from gateway.clock import SystemClock
from gateway.record.archived import ArchiveFile
from gateway.record.record import JournalUnavailable
from gateway.report.ledger_commands import JournalOption, SettingsFile, configuration, fail, journal_of
from gateway.report.names import SiteNames
from rules.quality import OVERLOADED_SHARE_MAX, SOURCES_SHARE_MAX, STALE_MAX, WINDOW, Quality, QualityCount, Spread
from rules.schedule import local_time
from rules.site import Site

DAYS_DEFAULT: Final = 30
LOOK_BACK: Final = timedelta(days=7)
"""How long before its beginning a report reads the archive, to know what stood open then."""


def count(file: ArchiveFile, site: Site, begin: datetime, end: datetime) -> Quality:
    """The alarm quality of one home between two instants, months by its own time.

    Where nothing was recorded before, it begins there: a young box has no month to be divided by.
    """
    begin = max(begin, min(file.recorded_since(site.id) or begin, end - WINDOW))
    counted = QualityCount(begin, end, local_time(end, site.offsets) - end.astimezone(UTC).replace(tzinfo=None))
    for entry in file.archived(site.id, begin - LOOK_BACK, end):
        counted.take(entry.effects)
    return counted.report()


def lines(found: Quality, site: Site, language: str = "zh") -> Iterator[str]:
    """The report in words of one language; a mark stands where a target is missed."""
    zh = language != "en"
    names = SiteNames(site, language)
    yield f"{site.id} {site.name.in_language(language)}  {names.span(found.begin, found.end)}"
    peak = max(found.per_window, default=0)
    yield _line(
        zh,
        f"报警 {found.alarms} 次，每 10 分钟平均 {found.average:.2f}，最多 {peak}",
        f"{found.alarms} alarms, {found.average:.2f} in 10 min on average, {peak} at most",
        met=found.average <= 1,
    )
    share = f"{found.overloaded_share:.2%}"
    met = found.overloaded_share <= OVERLOADED_SHARE_MAX
    yield _line(zh, f"超过 10 次的时段占 {share}（目标 ≤1%）", f"{share} of windows above 10 (target ≤1%)", met=met)
    longest = max((flood.alarms for flood in found.floods), default=0)
    yield _line(
        zh,
        f"报警洪泛 {len(found.floods)} 次，最大一次 {longest} 条",
        f"{len(found.floods)} floods, {longest} alarms in the largest",
        met=not found.floods,
    )
    noisy = ", ".join(f"{names.subject(one.subject)} ×{one.alarms}" for one in found.chattering[:5]) or "0"
    yield _line(zh, f"抖动：{noisy}；瞬时 {found.fleeting}", f"chattering: {noisy}; fleeting {found.fleeting}",
                met=not found.chattering)  # fmt: skip
    yield _line(
        zh,
        f"持续超过 24 小时 {found.stale}（目标 <5）；现有 {found.standing} 条未结束",
        f"stale (>24 h) {found.stale} (target <5); {found.standing} open now",
        met=found.stale < STALE_MAX,
    )
    shares = ((f"P{priority} {number}", number / found.alarms) for priority, number in found.priorities.items())
    mix = ", ".join(f"{words} ({share:.0%})" for words, share in shares) or "0"
    yield _line(zh, f"优先级：{mix}", f"priorities: {mix}")
    busiest = ", ".join(f"{names.subject(one.subject)} {one.alarms}" for one in found.sources) or "0"
    met = found.sources_share <= SOURCES_SHARE_MAX
    yield _line(zh, f"来源前十（占 {found.sources_share:.0%}）：{busiest}",
                f"top ten sources ({found.sources_share:.0%}): {busiest}", met=met)  # fmt: skip
    for one in found.false_alarms[:10]:
        subject = names.subject(one.subject)
        yield _line(zh, f"误报 {subject} {one.month}：{one.count}", f"false {subject} {one.month}: {one.count}")
    yield _line(zh, f"确认用时 {_spread(found.to_acknowledge)}", f"time to acknowledge {_spread(found.to_acknowledge)}")
    yield _line(zh, f"复核用时 {_spread(found.to_verify)}", f"time to verify {_spread(found.to_verify)}")
    if found.left_off:
        yield _line(zh, f"另有 {found.left_off} 条未计入", f"{found.left_off} more were not counted", met=False)


def _line(zh: bool, chinese: str, english: str, *, met: bool = True) -> str:
    return f"{' ' if met else '!'} {chinese if zh else english}"


def _spread(spread: Spread) -> str:
    if not spread.count:
        return "–"
    return f"n={spread.count} p50 {spread.median_s:.0f} s, p90 {spread.p90_s:.0f} s, max {spread.longest_s:.0f} s"


def instant(text: str, default: datetime, option: str) -> datetime:
    """An instant as a person writes it: a date, or a date and time; UTC where no zone is said."""
    if not text:
        return default
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise fail(f"{option}: expected 2026-11-22 or 2026-11-22T08:00+08:00, found {text!r}") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def quality(
    settings: SettingsFile,
    from_: Annotated[str, typer.Option("--from", help="The beginning (default: 30 days before the end).")] = "",
    to: Annotated[str, typer.Option(help="The end (default: now).")] = "",
    home: Annotated[str, typer.Option(help="Only this home.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, one line a home.")] = False,
    language: Annotated[str, typer.Option(help="zh or en")] = "zh",
    journal: JournalOption = None,
) -> None:
    """Alarm quality by ISA-18.2 / EEMUA 191: rates, floods, chattering, false alarms, how fast people are."""
    found = configuration(settings)
    end = instant(to, SystemClock().wall(), "--to")
    begin = instant(from_, end - timedelta(days=DAYS_DEFAULT), "--from")
    if begin >= end:
        raise fail(f"--from {begin.isoformat()} is not before --to {end.isoformat()}")
    try:
        with ArchiveFile(Path(journal_of(found, journal))) as file:
            for site in found.sites:
                if home in ("", site.id):
                    counted = count(file, site, begin, end)
                    if as_json:
                        typer.echo(msgspec.json.encode({"home": site.id, **msgspec.to_builtins(counted)}).decode())
                    else:
                        typer.echo("\n".join(lines(counted, site, language)))
            for _, _, words in file.broken:
                typer.echo(words, err=True)
    except JournalUnavailable as fault:
        raise fail(f"quality: {fault}") from None
