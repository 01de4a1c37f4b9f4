"""The commands: run, check, replay, and what goes with them."""

from __future__ import annotations

import asyncio
import json
import logging
import platform
import secrets
import signal
import sys
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import structlog
import typer

from gateway.duty_command import duty
from gateway.load import EXIT_CODE, Configuration, ConfigurationFaults, load
from gateway.private_files import keep_new_files_private
from gateway.report.backtest_command import backtest
from gateway.report.ledger_commands import ledger
from gateway.report.quality import quality
from gateway.webpush_command import webpush

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="安联网 gateway: alarms of care homes.")
SettingsFile = Annotated[Path, typer.Argument(help="The settings file (TOML); see deploy/example.toml.")]


def _configure_logging() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _configuration(settings: Path) -> Configuration:
    """The configuration, or every fault of it and exit code 2."""
    try:
        return load(settings)
    except ConfigurationFaults as faults:
        typer.echo(str(faults), err=True)
        raise typer.Exit(EXIT_CODE) from None


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"anlian {version('anlian-gateway')} (Python {platform.python_version()})")
        raise typer.Exit


@cli.callback()
def anlian(
    version_: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """One program for the edge box of a home and for the county."""


@cli.command()
def run(settings: SettingsFile) -> None:
    """Run the gateway until it is told to stop (Ctrl-C, SIGTERM)."""
    import uvloop

    from gateway.app import Gateway

    _configure_logging()
    keep_new_files_private()
    configuration = _configuration(settings)
    for warning in configuration.warnings:
        typer.echo(str(warning), err=True)

    async def main() -> bool:
        gateway = Gateway(configuration)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, gateway.stop.set)
        loop.add_signal_handler(signal.SIGHUP, gateway.reload)
        console = gateway.settings.console
        typer.echo(f"console: http://{console.host}:{console.port}/", err=True)
        await gateway.run()
        return gateway.starts_anew

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        while runner.run(main()):
            continue


@cli.command()
def demo(
    incident: Annotated[str, typer.Option(help="What happens: kitchen-fire, gas-leak, fall, sos, …")] = "kitchen-fire",
    language: Annotated[str, typer.Option(help="zh or en")] = "zh",
    after: Annotated[float, typer.Option(help="Seconds until it begins.")] = 15.0,
    embedded_broker: Annotated[bool, typer.Option(help="Even where mosquitto is installed.")] = False,
) -> None:
    """A virtual home, its broker, a phone and the gateway, on this machine only, until Ctrl-C."""
    from gateway import demo as show

    _configure_logging()
    if language not in ("zh", "en"):
        typer.echo(f"--language: expected zh or en, found {language!r}", err=True)
        raise typer.Exit(EXIT_CODE)
    say = lambda line: print(line, flush=True)  # noqa: E731
    try:
        asyncio.run(show.run(incident, language, say, timedelta(seconds=after), embedded=embedded_broker))
    except show.DemoCannotStart as why:
        typer.echo(f"the demo cannot start: {why}", err=True)
        raise typer.Exit(EXIT_CODE) from None


@cli.command()
def check(settings: SettingsFile) -> None:
    """Check a configuration: every fault and warning, and the scenarios of its rules."""
    from gateway.check import run as run_check

    raise typer.Exit(run_check(settings, typer.echo))


@cli.command()
def audit(
    settings: SettingsFile,
    once: Annotated[bool, typer.Option("--once", help="Print one report and end; exit code 1 on a finding.")] = False,
) -> None:
    """Watch, as a process of its own, that nobody is forgotten: open incidents, steps due, the gateway's progress."""
    from gateway.audit.command import run as run_audit

    _configure_logging()
    raise typer.Exit(run_audit(settings, typer.echo, once=once))


@cli.command()
def replay(
    settings: SettingsFile,
    home: Annotated[str, typer.Option(help="Only this home.")] = "",
    start: Annotated[int, typer.Option(help="From behind this seq: 0 is as far back as the journal reaches.")] = 0,
) -> None:
    """Run the journal through the engine again and report every difference from what was recorded (exit code 1)."""
    from gateway.clock import SystemClock
    from gateway.record.replay import replay as run_replay
    from rules.engine import Engine

    configuration = _configuration(settings)
    path = configuration.settings.data_dir / "journal.db"
    if not path.exists():
        typer.echo(f"{path}: there is no journal yet", err=True)
        raise typer.Exit(EXIT_CODE)
    all_the_same = True
    for site in configuration.sites:
        if home in ("", site.id):
            fresh = partial(Engine, site.id)
            report = asyncio.run(run_replay(path, site.id, fresh, Engine.restore, clock=SystemClock(), start=start))
            typer.echo("\n".join(report.lines()))
            all_the_same &= report.same
    raise typer.Exit(0 if all_the_same else 1)


@cli.command()
def decode(
    file: Annotated[str, typer.Argument(help="The payload (with --topic), or JSON lines; - is standard input.")] = "-",
    topic: Annotated[str, typer.Option(help="The topic of the one message in FILE.")] = "",
    retain: Annotated[bool, typer.Option(help="The message was retained.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write what a maintainer needs, without personal data.")] = None,
) -> None:
    """What would the gateway make of it? Lines of {"topic", "payload" or "base64", "retain"} in, JSON lines out."""
    from gateway.decode_tool import DecodeTool, write_report

    if topic and file == "-":
        typer.echo("decode: --topic needs the FILE that holds the payload", err=True)
        raise typer.Exit(EXIT_CODE)
    tool, seen, failed = DecodeTool(), [], False
    try:
        stream = sys.stdin.buffer if file == "-" else Path(file).open("rb")  # noqa: SIM115 - closed at the end
    except OSError as fault:
        typer.echo(f"decode: {file}: {fault.strerror}", err=True)
        raise typer.Exit(EXIT_CODE) from None
    if topic:
        message = {"topic": topic, "payload": stream.read(), "retain": retain}
        answers = iter([(tool.decode(topic, message["payload"], retained=retain), message)])
    else:
        answers = tool.run(stream)
    for answer, asked in answers:
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        failed |= "error" in answer
        if report is not None:
            seen.append((answer, asked))
    if report is not None:
        write_report(report, seen, secrets.token_bytes(32))
    raise typer.Exit(1 if failed else 0)


@cli.command(name="devices-page")
def devices_page(
    directory: Annotated[Path, typer.Argument(help="Where the pages are.")] = Path("docs"),
    check: Annotated[bool, typer.Option(help="Write nothing; exit code 1 where a page is not current.")] = False,
) -> None:
    """Make docs/devices.md from the catalogue: what is understood, its points and traps, how to connect it."""
    from gateway.devices_page import stale, write

    paths = stale(directory) if check else write(directory)
    for path in paths:
        typer.echo(f"{path}: {'not current, run: anlian devices-page' if check else 'written'}")
    raise typer.Exit(1 if check and paths else 0)


cli.add_typer(ledger, name="ledger")
cli.add_typer(duty, name="duty")
cli.add_typer(webpush, name="webpush")
cli.command()(quality)
cli.command()(backtest)

devices = typer.Typer(no_args_is_help=True, help="Devices that were heard, and taking them in.")
cli.add_typer(devices, name="devices")


@devices.command(name="list")
def devices_list(
    settings: SettingsFile,
    home: Annotated[str, typer.Option(help="Only this home.")] = "",
    json_: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Devices that the running gateway heard and that no site file names, each with the command that takes it in."""
    from gateway.devices_command import CommandEnds, show

    try:
        show(settings, home, typer.echo, as_json=json_)
    except CommandEnds as end:
        typer.echo(str(end), err=True)
        raise typer.Exit(end.code) from None


@devices.command(name="adopt")
def devices_adopt(
    settings: SettingsFile,
    home: Annotated[str, typer.Option(help="The id of the home.")],
    source: Annotated[str, typer.Option(help="The source that heard it.")],
    address: Annotated[str, typer.Option(help="Its address there, as anlian devices list shows it.")],
    id_: Annotated[str, typer.Option("--id", help="Its id from now on: a-z, 0-9, - and _.")],
    name: Annotated[str, typer.Option(help="Its name for people.")],
    zone: Annotated[str, typer.Option(help="The id of its zone.")],
    room: Annotated[str, typer.Option(help="Its room.")] = "",
    kind: Annotated[str, typer.Option(help="Its kind; without it, what its values speak of.")] = "",
    profile: Annotated[str, typer.Option(help="Its profile, such as smoke.wired; without it, that of its kind.")] = "",
    name_en: Annotated[str, typer.Option(help="Its name in English.")] = "",
) -> None:
    """Take a device in: into the site file, its comments kept, and into the running gateway with its journal."""
    from gateway.devices_command import CommandEnds, take_in
    from gateway.site_file import Adoption

    adoption = Adoption(
        home=home,
        source=source,
        address=address,
        id=id_,
        kind=kind,
        zone=zone,
        room=room,
        name_zh=name,
        name_en=name_en,
        profile=profile,
    )
    try:
        take_in(settings, adoption, typer.echo)
    except CommandEnds as end:
        typer.echo(str(end), err=True)
        raise typer.Exit(end.code) from None


channels = typer.Typer(no_args_is_help=True, help="Ways to people.")
cli.add_typer(channels, name="channels")


@channels.command(name="test")
def channels_test(
    settings: SettingsFile,
    name: Annotated[str, typer.Argument(help="The channel's name in the settings.")],
    to: Annotated[str, typer.Option(help="The address there: a topic, a number, a member's id; may be empty.")],
    wait: Annotated[float, typer.Option(help="Seconds to wait for what a provider knows later.")] = 30.0,
) -> None:
    """Send one message that is marked as a test over a channel, and print each rung that it gets to."""
    from gateway.channels_command import CommandEnds, try_channel

    try:
        raise typer.Exit(try_channel(settings, name, to, wait, typer.echo))
    except CommandEnds as end:
        typer.echo(str(end), err=True)
        raise typer.Exit(end.code) from None


account = typer.Typer(no_args_is_help=True, help="Accounts of the console.")
cli.add_typer(account, name="account")


@account.command(name="hash")
def account_hash() -> None:
    """Ask for a password and print its hash for the accounts file."""
    from gateway.console.accounts import main as ask

    raise typer.Exit(ask(["hash"]))


def main() -> None:
    """The entry point of the console script `anlian`."""
    cli()


if __name__ == "__main__":
    main()
