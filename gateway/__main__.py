"""The commands: run, check, replay, and what goes with them."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from gateway.load import EXIT_CODE, ConfigurationFaults, load

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


@cli.callback()
def anlian() -> None:
    """One program for the edge box of a home and for the county."""


@cli.command()
def run(settings: SettingsFile) -> None:
    """Run the gateway until it is told to stop (Ctrl-C, SIGTERM)."""
    import uvloop

    from gateway.app import Gateway

    _configure_logging()
    try:
        configuration = load(settings)
    except ConfigurationFaults as faults:
        typer.echo(str(faults), err=True)
        raise typer.Exit(EXIT_CODE) from None
    for warning in configuration.warnings:
        typer.echo(str(warning), err=True)

    async def main() -> None:
        gateway = Gateway(configuration)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, gateway.stop.set)
        console = gateway.settings.console
        typer.echo(f"console: http://{console.host}:{console.port}/", err=True)
        await gateway.run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def main() -> None:
    """The entry point of the console script `anlian`."""
    cli()


if __name__ == "__main__":
    main()
