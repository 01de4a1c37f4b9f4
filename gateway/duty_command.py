"""`anlian duty`: the gaps of the rosters, and rosters as files out and in.

An import shows first what it would do; with --apply the site file is rewritten (comments kept, checked as a whole, put
back where it has a fault), and a running gateway takes it over.
"""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway.clock import SystemClock
from gateway.load import EXIT_CODE, Configuration, examine
from gateway.local_socket import NoGateway, ask
from gateway.reload import write_roster
from gateway.roster_calendar import read_calendar, to_calendar
from gateway.roster_csv import RowFault, plan_rows, read_csv, to_csv
from gateway.roster_file import ImportedPlan, Row, taken_over
from gateway.site_file import ChangeRefused
from rules.parse import suggestion
from rules.roster import LocalTime
from rules.roster_gaps import by_cause, find_gaps, urgent
from rules.roster_words import gap_words
from rules.site import Site

DAYS_MAX = 366
FAULTS_SHOWN = 50
GAPS_FOUND = 1
"""The exit code of `gaps` where a gap begins within a day, and of a refused import."""

duty = typer.Typer(no_args_is_help=True, help="Who is on duty: gaps of the roster; rosters out to files and in.")
SettingsFile = Annotated[Path, typer.Argument(help="The settings file (TOML).")]
Home = Annotated[str, typer.Option(help="The id of the home; it may be left out where there is one.")]
Days = Annotated[int, typer.Option(min=1, max=DAYS_MAX, help="How many days.")]


@duty.command(name="gaps")
def show_gaps(
    settings: SettingsFile,
    home: Home = "",
    days: Days = 30,
    language: Annotated[str, typer.Option(help="zh or en")] = "zh",
) -> None:
    """The gaps of the days to come; exit code 1 where a post is unfit now or within a day."""
    configuration = _configuration(settings)
    sites = configuration.sites if not home else (_site(configuration, home),)
    now = SystemClock().wall()
    near = False
    for site in sites:
        gaps = find_gaps(site, now, timedelta(days=days))
        near |= bool(urgent(gaps, now))
        typer.echo(f"{site.id} {site.name.in_language(language)}: {len(gaps)}")
        for gap, more in by_cause(gaps):
            words = gap_words(site, gap).in_language(language)
            typer.echo(f"  {words}{f' (+{more})' if more else ''}")
    raise typer.Exit(GAPS_FOUND if near else 0)


@duty.command(name="export")
def export(
    settings: SettingsFile,
    home: Home = "",
    csv: Annotated[bool, typer.Option("--csv", help="A table for spreadsheets (the default).")] = False,
    ics: Annotated[bool, typer.Option("--ics", help="An iCalendar file, for phones and calendars.")] = False,
    begin: Annotated[str, typer.Option("--from", help="The first day, 2026-12-01; today.")] = "",
    days: Days = 31,
    person: Annotated[str, typer.Option(help="Only this person.")] = "",
    out: Annotated[Path | None, typer.Option(help="Into this file; else to the terminal.")] = None,
) -> None:
    """A home's roster, substitutes worked in, as CSV or iCalendar."""
    if csv and ics:
        _end("choose one of --csv and --ics", EXIT_CODE)
    configuration = _configuration(settings)
    site = _site(configuration, home)
    if person and person not in {each.id for each in site.people}:
        _end(f"--person: unknown person {person!r}. {suggestion(person, [each.id for each in site.people])}", EXIT_CODE)
    now = SystemClock().wall()
    time = LocalTime(site.offsets)
    first = _day(begin) if begin else time.day_of(now)
    span = time.midnight(first, now), time.midnight(first + timedelta(days=days), now)
    rows = [row for row in plan_rows(site, *span) if person in ("", row.person)]
    body = to_calendar(site, rows, now) if ics else to_csv(site, rows).encode("utf-8-sig")
    if out is None:
        sys.stdout.buffer.write(body)
        return
    try:
        out.write_bytes(body)
    except OSError as fault:
        _end(f"{out}: {fault.strerror}", EXIT_CODE)
    typer.echo(f"{out}: {len(rows)} rows")


@duty.command(name="import")
def take_in(
    settings: SettingsFile,
    file: Annotated[Path, typer.Argument(help="A .csv or .ics file, as `anlian duty export` writes them.")],
    home: Home = "",
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without it only what would be done is shown.")] = False,
) -> None:
    """Take a plan over from a file: all of it, or nothing where a row is wrong."""
    configuration = _configuration(settings)
    site = _site(configuration, home)
    try:
        body = file.read_bytes()
    except OSError as fault:
        _end(f"{file}: {fault.strerror}", EXIT_CODE)
    rows, faults = (read_calendar if file.suffix.lower() == ".ics" else read_csv)(body, site)
    if faults:
        _tell_faults(file, faults)
    plan = ImportedPlan(rows=rows)
    try:
        after = taken_over(configuration.site_files[site.id], plan)
        _tell_plan(site, rows, after)
        if not apply:
            typer.echo("nothing was changed; do it with --apply")
            return
        write_roster(configuration, site.id, plan)
    except ChangeRefused as refusal:
        _end(f"not taken over: {refusal}", GAPS_FOUND)
    typer.echo(f"written into {configuration.site_files[site.id]}; the file of before lies beside it (.before)")
    try:
        answer = ask(configuration.settings.data_dir, {"ask": "reload"})
    except (NoGateway, PermissionError, FileNotFoundError) as why:
        typer.echo(f"{why}: the gateway takes it over at its next start or reload")
        return
    if "refused" in answer:
        _end(f"the running gateway did not take it over: {answer['refused']}", GAPS_FOUND)
    typer.echo("the running gateway has taken it over")


def _tell_faults(file: Path, faults: list[RowFault]) -> None:
    for fault in faults[:FAULTS_SHOWN]:
        typer.echo(f"{file}: {fault}", err=True)
    if len(faults) > FAULTS_SHOWN:
        typer.echo(f"{file}: and {len(faults) - FAULTS_SHOWN} more", err=True)
    _end(f"{file}: {len(faults)} faults: nothing was changed", GAPS_FOUND)


def _tell_plan(site: Site, rows: tuple[Row, ...], counts: tuple[int, int, int]) -> None:
    posts = {row.post for row in rows}
    first, last = min(row.begins for row in rows), max(row.ends for row in rows)
    typer.echo(f"{site.id}: {len(rows)} rows, {len(posts)} posts, {first} to {last}")
    shifts, gone, overrides = counts
    typer.echo(f"  {shifts} shifts written, {gone} dated shifts and {overrides} overrides of these days replaced")


def _configuration(settings: Path) -> Configuration:
    """The configuration, also on a machine that has not its secrets."""
    configuration, faults = examine(settings, elsewhere=True)
    if configuration is None:
        _end("\n".join(str(fault) for fault in faults if not fault.warning), EXIT_CODE)
    return configuration


def _site(configuration: Configuration, home: str) -> Site:
    by_id = {site.id: site for site in configuration.sites}
    if not home and len(by_id) == 1:
        return next(iter(by_id.values()))
    if home not in by_id:
        _end(f"--home: unknown home {home!r}. {suggestion(home, by_id)}", EXIT_CODE)
    return by_id[home]


def _day(text: str) -> date:
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        _end(f"--from: {text!r} is no day. Write it like 2026-12-01", EXIT_CODE)


def _end(words: str, code: int) -> NoReturn:
    typer.echo(words, err=True)
    raise typer.Exit(code)
