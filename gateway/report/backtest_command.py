"""The command `anlian backtest`: other rules over what was recorded, and how they would have done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from gateway.clock import SystemClock
from gateway.load import Configuration
from gateway.load_packs import OtherRules, other_rules
from gateway.record.record import JournalUnavailable
from gateway.report.backtest import Backtest, InputFile, Progress, lines
from gateway.report.backtest import backtest as run_backtest
from gateway.report.backtest_page import page
from gateway.report.ledger_commands import JournalOption, SettingsFile, configuration, fail, journal_of
from gateway.report.quality import instant

DAYS_DEFAULT = 7


def backtest(
    settings: SettingsFile,
    rules: Annotated[Path, typer.Option(help="A rule pack, or a directory: each pack replaces that of its name.")],
    from_: Annotated[str, typer.Option("--from", help="The beginning (default: 7 days before the end).")] = "",
    to: Annotated[str, typer.Option(help="The end (default: now).")] = "",
    home: Annotated[str, typer.Option(help="Only this home.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, one line a home.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page with a timeline.")] = None,
    language: Annotated[str, typer.Option(help="zh or en")] = "zh",
    journal: JournalOption = None,
) -> None:
    """Run other rules over the recorded inputs, and hold the difference against the verdicts that people gave."""
    known = configuration(settings)
    end = instant(to, SystemClock().wall(), "--to")
    begin = instant(from_, end - timedelta(days=DAYS_DEFAULT), "--from")
    if begin >= end:
        raise fail(f"--from {begin.isoformat()} is not before --to {end.isoformat()}")
    other = other_rules(known, [rules])
    for fault in other.faults:
        typer.echo(f"{'warning' if fault.warning else 'FAULT'}  {fault}", err=True)
    if any(not fault.warning for fault in other.faults):
        raise fail("backtest: the rules have faults")
    found: list[Backtest] = []
    try:
        with InputFile(journal_of(known, journal)) as file:
            for site_id in [site.id for site in known.sites if home in ("", site.id)]:
                with _bar(site_id) as progress:
                    one = asyncio.run(_run(file, known, site_id, other, begin, end, progress))
                if one is None:
                    typer.echo(f"{site_id}: the journal has no inputs since {begin.isoformat()}", err=True)
                else:
                    found.append(one)
    except JournalUnavailable as fault:
        raise fail(f"backtest: {fault}") from None
    sites = {site.id: site for site in known.sites}
    for one in found:
        text = msgspec.json.encode(one).decode() if as_json else "\n".join(lines(one, sites[one.home], language))
        typer.echo(text)
    if html is not None:
        html.write_text(page(found, sites, language), "utf-8")
        typer.echo(f"{html}: written", err=True)
    raise typer.Exit(1 if any(one.difference.confirmed.not_raised for one in found) else 0)


async def _run(
    file: InputFile,
    known: Configuration,
    home: str,
    other: OtherRules,
    begin: datetime,
    end: datetime,
    progress: Progress,
) -> Backtest | None:
    site = next(site for site in known.sites if site.id == home)
    return await run_backtest(file, home, site, other.rules, other.ruleset, begin, end, progress)


@contextmanager
def _bar(home: str) -> Iterator[Progress]:
    """A progress bar on the terminal's error stream; nothing where that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(home, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
