"""The folders of sheets, of walk tests and of drills: one JSON file for each, kept as long as the box lives.

It is a reader of the journal like any other: a sheet that could not be written is written later, and the journal's
archive holds the same walk test or drill whole.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

import msgspec
import structlog

from gateway.clock import STEP_LIMIT, Clock
from gateway.deliver.destination import SendResult
from rules.drill_sheet import DRILL_SHEET_VERSION, DrillSheet, drill_sheet_of, shifted_drill
from rules.effects import AnyEffect, DrillChanged, WalkTestChanged
from rules.inputs import Outcome
from rules.site import Site
from rules.walk_test_sheet import SHEET_VERSION, Sheet, sheet_of, shifted

LISTED_MAX: Final = 200
"""Sheets that are listed for a home, the newest first; older files stay in the folder."""

BYTES_MAX: Final = 8 * 1024 * 1024
DRILLS: Final = "drills"
"""The folder of drills, beside that of walk tests."""

_KEY: Final = re.compile(r"[0-9]{8}-[0-9]{6}_[0-9]+_[0-9]+")

log = structlog.get_logger(__name__)


class AnySheet(Protocol):
    """What the sheets of both kinds have."""

    @property
    def id(self) -> str: ...

    @property
    def home(self) -> str: ...

    @property
    def ended_at(self) -> datetime: ...

    @property
    def version(self) -> int: ...


S = TypeVar("S", bound=AnySheet)


class KeptSheet(msgspec.Struct, Generic[S], frozen=True):
    """A sheet and the key by which it is found again."""

    key: str
    sheet: S


def key_of(sheet: AnySheet) -> str:
    """The sheet's key: when it ended (UTC), and its place in the journal. Keys sort by time."""
    _, epoch, seq = sheet.id.partition(".")[0].rsplit(":", 2)
    return f"{sheet.ended_at.astimezone(UTC):%Y%m%d-%H%M%S}_{epoch}_{seq}"


class Shelf(Generic[S]):
    """The sheets of one kind, in `folder/<home>/`. `version` is the newest that this program reads."""

    def __init__(self, folder: Path, kind: type[S], version: int) -> None:
        self._folder = folder
        self._kind = kind
        self._version = version

    def write(self, sheet: S) -> None:
        """Keep a sheet. The same one twice is the same file."""
        folder = self._folder / sheet.home
        folder.mkdir(parents=True, exist_ok=True)
        epoch_and_seq = key_of(sheet).split("_", 1)[1]
        if any(folder.glob(f"*_{epoch_and_seq}.json")):
            # Handed over again after a crash, and the clock may have been set since: the first one stands.
            return
        path = folder / f"{key_of(sheet)}.json"
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(sheet), indent=1))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def keys(self, home: str) -> list[str]:
        """The keys of a home's sheets, the newest first."""
        folder = self._folder / home
        if not folder.is_dir():
            return []
        found = [path.stem for path in folder.glob("*.json") if _KEY.fullmatch(path.stem)]
        return sorted(found, reverse=True)[:LISTED_MAX]

    def find(self, home: str, key: str) -> S | None:
        """A sheet by its key; None where there is none, or where its file cannot be read (the log says why)."""
        if not _KEY.fullmatch(key):
            return None
        path = self._folder / home / f"{key}.json"
        try:
            if path.stat().st_size > BYTES_MAX:
                raise ValueError(f"larger than {BYTES_MAX} bytes")
            sheet = msgspec.json.decode(path.read_bytes(), type=self._kind)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, msgspec.MsgspecError) as fault:
            log.error("sheet cannot be read", path=str(path), error=str(fault))
            return None
        if sheet.version > self._version:
            log.error("sheet of a newer version", path=str(path), version=sheet.version)
            return None
        return sheet

    def newest(self, home: str, most: int = LISTED_MAX) -> list[KeptSheet[S]]:
        """The newest sheets of a home that can be read."""
        found = ((key, self.find(home, key)) for key in self.keys(home)[:most])
        return [KeptSheet(key, sheet) for key, sheet in found if sheet is not None]


class SheetFolder(Shelf[Sheet]):
    """The destination `walk-test-sheets`: writes what has ended, walk tests here and drills into `drills`."""

    def __init__(self, folder: Path, site_of: Callable[[str], Site], clock: Clock) -> None:
        super().__init__(folder, Sheet, SHEET_VERSION)
        self.drills = Shelf(folder.with_name(DRILLS), DrillSheet, DRILL_SHEET_VERSION)
        self._site_of = site_of
        self._clock = clock

    @property
    def name(self) -> str:
        return "walk-test-sheets"

    def takes(self, effect: AnyEffect) -> bool:
        return isinstance(effect, WalkTestChanged | DrillChanged) and effect.change == "ended"

    async def send(self, effect: AnyEffect, key: str) -> SendResult:  # noqa: ARG002 - the sheet's own key is as stable
        """Write the sheet. The same sheet twice is the same file."""
        shift = self._clock.wall() - self._clock.now()
        stepped = abs(shift) > STEP_LIMIT
        try:
            if isinstance(effect, WalkTestChanged):
                sheet = sheet_of(effect.walk_test, self._site_of(effect.walk_test.home))
                await asyncio.to_thread(self.write, shifted(sheet, shift) if stepped else sheet)
            elif isinstance(effect, DrillChanged) and effect.sheet is not None:
                drill = drill_sheet_of(effect.drill, effect.sheet, self._site_of(effect.drill.home))
                await asyncio.to_thread(self.drills.write, shifted_drill(drill, shift) if stepped else drill)
            else:
                return SendResult(Outcome.REFUSED, detail=f"{type(effect).__name__} has no sheet")
        except OSError as fault:
            return SendResult(Outcome.RETRY, detail=f"the sheet cannot be written: {fault}")
        return SendResult(Outcome.ACCEPTED)
