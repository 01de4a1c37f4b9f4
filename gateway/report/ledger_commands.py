"""The commands of the ledger: verify, export, key."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.clock import SystemClock
from gateway.load import EXIT_CODE, Configuration, ConfigurationFaults, load
from gateway.record.ledger import LedgerFile, Row
from gateway.record.ledger_check import check_against_journal, check_ledger
from gateway.record.ledger_journal import JournalledLedger
from gateway.record.record import JournalUnavailable
from gateway.record.seal import (
    FILE_MAX,
    FOLDER,
    KEY_FILE,
    Seal,
    SealFault,
    SignedHead,
    head_files,
    read_head,
    read_public,
)
from gateway.record.segments import from_ms

ledger = typer.Typer(no_args_is_help=True, help="The ledger: every safety-relevant event in a chain of hashes.")
SettingsFile = Annotated[Path, typer.Argument(help="The settings file (TOML); see deploy/example.toml.")]
JournalOption = Annotated[Path | None, typer.Option(help="Another journal's file, such as one that was set aside.")]


def configuration(settings: Path) -> Configuration:
    """The configuration, or every fault of it and exit code 2."""
    try:
        return load(settings)
    except ConfigurationFaults as faults:
        raise fail(str(faults)) from None


def fail(words: str) -> typer.Exit:
    """The end of a command that cannot do its work: the words, and exit code 2."""
    typer.echo(words, err=True)
    return typer.Exit(EXIT_CODE)


def journal_of(found: Configuration, journal: Path | None) -> Path:
    """The journal's file that a command is about."""
    return found.settings.data_dir / "journal.db" if journal is None else journal


@ledger.command()
def verify(
    settings: SettingsFile,
    head: Annotated[list[Path] | None, typer.Option(help="A signed head kept elsewhere; may be repeated.")] = None,
    key: Annotated[Path | None, typer.Option(help="The public key that was kept elsewhere.")] = None,
    journal: JournalOption = None,
) -> None:
    """Find any altered, missing or reordered row, a cut tail or a chain computed anew (exit code 1).

    Rows are also compared with the journal's archive: what was raised, told or done there must stand in the ledger.

    Without --head and --key it can only compare with heads on this machine: who may write here could have
    made those anew too.
    """
    found = configuration(settings)
    try:
        with JournalledLedger(journal_of(found, journal)) as file:
            heads, public = _heads(found.settings.data_dir, head or [], key)
            checked = check_ledger(file, heads)
            check_against_journal(file, checked)
    except (SealFault, JournalUnavailable, OSError) as fault:
        raise fail(f"ledger verify: {fault}") from None
    typer.echo("\n".join(checked.lines()))
    typer.echo(checked.age_line(SystemClock().wall()))
    if key is None or not head:
        typer.echo("compared with heads and key of this machine only: keep them elsewhere, and give --head and --key")
    typer.echo(f"key {public}")
    raise typer.Exit(0 if checked.sound else 1)


def _heads(data: Path, more: list[Path], key: Path | None) -> tuple[list[tuple[str, SignedHead]], str]:
    """The heads to compare with, each with its file's name, and the public key that they are signed with."""
    if key is None:
        if not (data / KEY_FILE).exists():
            raise SealFault(f"{data / KEY_FILE}: there is no key yet; the gateway makes it at its first start")
        public = Seal.open(data / KEY_FILE).public
    else:
        public = read_public(_bytes(key).decode("ascii", "replace"))
    paths = [*head_files(data / FOLDER), *more]
    return [(path.name, read_head(_bytes(path), path.name, public)) for path in paths], public


def _bytes(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(FILE_MAX + 1)


@ledger.command()
def export(
    settings: SettingsFile,
    home: Annotated[str, typer.Option(help="Only this home.")] = "",
    after: Annotated[int, typer.Option(help="From behind this row.")] = 0,
    journal: JournalOption = None,
) -> None:
    """Print the rows as JSON lines: number, time, kind, ids, hash. Enough to compute every hash again."""
    found = configuration(settings)
    try:
        with LedgerFile(journal_of(found, journal)) as file:
            for stream in file.streams():
                if home in ("", stream):
                    for row in file.rows(stream, after):
                        typer.echo(json.dumps(_plain(row), ensure_ascii=False))
    except JournalUnavailable as fault:
        raise fail(f"ledger export: {fault}") from None


def _plain(row: Row) -> dict[str, object]:
    at: datetime = from_ms(row.at).astimezone(UTC)
    return {
        "stream": row.stream,
        "number": row.number,
        "epoch": row.epoch,
        "seq": row.seq,
        "at": at.isoformat(),
        "at_ms": row.at,
        "kind": row.kind,
        "body": row.body.decode("utf-8", "replace"),
        "hash": row.hash.hex(),
    }


@ledger.command()
def key(settings: SettingsFile) -> None:
    """Print the public key of this box, for whoever checks its heads (the private one is made where it is missing)."""
    data = configuration(settings).settings.data_dir
    try:
        data.mkdir(parents=True, exist_ok=True)
        typer.echo(Seal.open(data / KEY_FILE).public)
    except (SealFault, OSError) as fault:
        raise fail(f"ledger key: {fault}") from None
