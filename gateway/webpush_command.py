"""`anlian webpush keys`: the key with which the gateway shows push services who it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

webpush = typer.Typer(no_args_is_help=True, help="Web push to enrolled phones.")


@webpush.callback()
def webpush_group() -> None:
    """Web push to enrolled phones."""


@webpush.command(name="keys")
def keys(file: Annotated[Path, typer.Argument(help="Where the private key goes: the channel's secret_file.")]) -> None:
    """Make a VAPID key: the private one goes into FILE (mode 0600, never over one that is there)."""
    from gateway.deliver.web_push import new_key

    private, public = new_key()
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
            stream.write(private + "\n")
    except FileExistsError:
        words = "there is a file already. A new key voids the subscriptions of all phones: remove it first if you must"
        typer.echo(f"{file}: {words}", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        typer.echo(f"{file}: cannot be written: {error.strerror}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{file}: written. The public key, which phones are told by themselves: {public}")
