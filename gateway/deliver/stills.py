"""Stills of an alarm: one picture of each camera of its zone that is allowed to, kept for a while on the box.

It is a reader of the journal like any other way out: an alarm is announced long before a camera has answered, and no
failure of a camera, of the disk or of this folder holds anything up. A still is worth taking at once or not at all.
The pictures are files of the gateway's own user; the console shows them to people with rights, and nobody else does.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Awaitable, Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

import msgspec
import structlog

from gateway.clock import Clock
from gateway.deliver.destination import SendResult
from gateway.settings import VIDEO_SOURCE
from rules.alarm import Alarm
from rules.effects import AlarmChanged, AnyEffect, Change
from rules.inputs import Outcome
from rules.site import Site

CAMERAS_MAX: Final = 4
"""Stills of one incident, however many alarms and cameras it has."""

LATE_MAX: Final = timedelta(minutes=2)
"""An alarm that is older (the gateway was down) is asked for no still: it would show something else."""

PRUNE_EVERY_S: Final = 3600.0
LISTED_MAX: Final = 32

_INCIDENT: Final = re.compile(r"[a-z0-9_-]{1,32}:\d{1,12}:\d{1,15}\.i\d{1,6}")
_KEY: Final = re.compile(r"([a-z0-9][a-z0-9_-]{0,31})\.(\d{8}T\d{6}Z)")
_TIME: Final = "%Y%m%dT%H%M%SZ"

log = structlog.get_logger(__name__)


class Still(Protocol):
    """What a camera gave: a JPEG, or why there is none."""

    @property
    def jpeg(self) -> bytes: ...

    @property
    def problem(self) -> str: ...


class KeptStill(msgspec.Struct, frozen=True):
    """One kept still: the key by which it is found again, its camera and when it was taken (wall clock, UTC)."""

    key: str
    camera: str
    taken_at: datetime


class StillFolder:
    """`folder/<home>/<incident>/<camera>.<time>.jpg`, bounded in age and size; the oldest go first."""

    def __init__(self, folder: Path, keep_days: float, keep_bytes: int, clock: Clock) -> None:
        self._folder = folder
        self._keep = timedelta(days=keep_days)
        self._keep_bytes = keep_bytes
        self._clock = clock

    def write(self, home: str, incident: str, camera: str, jpeg: bytes) -> KeptStill:
        """Keep a still, readable for the gateway's user alone. OSError where the disk does not take it."""
        taken_at = self._clock.wall().astimezone(UTC).replace(microsecond=0)
        folder = self._of(home, incident)
        for each in (self._folder, folder.parent, folder):
            each.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{camera}.{taken_at.strftime(_TIME)}.jpg"
        draft = path.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(jpeg)
        draft.replace(path)
        return KeptStill(path.stem, camera, taken_at)

    def list(self, home: str, incident: str) -> list[KeptStill]:
        """The stills of an incident, the first one first."""
        if not _INCIDENT.fullmatch(incident):
            return []
        folder = self._of(home, incident)
        found = [_read_key(path.stem) for path in folder.glob("*.jpg")] if folder.is_dir() else []
        kept = sorted((one for one in found if one is not None), key=lambda one: (one.taken_at, one.camera))
        return kept[:LISTED_MAX]

    def read(self, home: str, incident: str, key: str) -> bytes | None:
        """One still; None where there is none (any more)."""
        if not _INCIDENT.fullmatch(incident) or not _KEY.fullmatch(key):
            return None
        try:
            return (self._of(home, incident) / f"{key}.jpg").read_bytes()
        except OSError:
            return None

    def prune(self) -> int:
        """Delete what is too old, and then the oldest until the rest is small enough; how many went."""
        oldest = self._clock.wall() - self._keep
        files = sorted(self._files(), key=lambda one: one[0])
        size = sum(path.stat().st_size for _, path in files)
        gone = 0
        for taken_at, path in files:
            if taken_at >= oldest and size <= self._keep_bytes:
                break
            size -= path.stat().st_size
            path.unlink()
            gone += 1
            if not any(path.parent.iterdir()):
                shutil.rmtree(path.parent)
        return gone

    def _files(self) -> Iterator[tuple[datetime, Path]]:
        for path in self._folder.glob("*/*/*.jpg"):
            found = _read_key(path.stem)
            if found is not None:
                yield found.taken_at, path

    def _of(self, home: str, incident: str) -> Path:
        return self._folder / home / incident.replace(":", "_")


def _read_key(stem: str) -> KeptStill | None:
    match = _KEY.fullmatch(stem)
    if match is None:
        return None
    return KeptStill(stem, match[1], datetime.strptime(match[2], _TIME).replace(tzinfo=UTC))


class StillDestination:
    """The destination `stills`: has a still taken of each allowed camera in the zone of an alarm that endangers people.

    `take` asks one camera by its name, `allowed` are those that may be asked.
    """

    def __init__(
        self,
        folder: StillFolder,
        site_of: Callable[[str], Site],
        allowed: Collection[str],
        take: Callable[[str], Awaitable[Still]],
        clock: Clock,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder = folder
        self._site_of = site_of
        self._allowed = allowed
        self._take = take
        self._clock = clock
        self._on_change = on_change
        self._asked: dict[str, set[str]] = {}

    @property
    def name(self) -> str:
        return "stills"

    def takes(self, effect: AnyEffect) -> bool:
        return (
            isinstance(effect, AlarmChanged)
            and effect.change in (Change.RAISED, Change.BECAME_REAL)
            and effect.alarm.category.endangers_people
            and not effect.alarm.test
            and not effect.alarm.drill
            and bool(effect.alarm.incident)
        )

    async def send(self, effect: AnyEffect, key: str) -> SendResult:
        """Take what is wanted. Nothing of it is tried again: a picture of later is another one."""
        if not isinstance(effect, AlarmChanged):
            return SendResult(Outcome.REFUSED, detail=f"{type(effect).__name__} is no alarm")
        if self._clock.now() - effect.at > LATE_MAX:
            return SendResult(Outcome.ACCEPTED, detail="too late for a still")
        home = key.partition(":")[0]
        cameras = self._wanted(home, effect.alarm)
        await asyncio.gather(*(self._keep(home, effect.alarm.incident, camera) for camera in cameras))
        return SendResult(Outcome.ACCEPTED)

    def _wanted(self, home: str, alarm: Alarm) -> list[str]:
        """Allowed cameras of the alarm's zone, each once an incident, and no more than it may have."""
        asked = self._asked.setdefault(alarm.incident, set())
        asked.update(still.camera for still in self._folder.list(home, alarm.incident))
        while len(self._asked) > LISTED_MAX:
            del self._asked[next(iter(self._asked))]
        inside = [
            device.address
            for device in self._site_of(home).devices
            if device.source == VIDEO_SOURCE and device.zone == alarm.zone and device.address in self._allowed
        ]
        wanted = [camera for camera in inside if camera not in asked][: max(CAMERAS_MAX - len(asked), 0)]
        asked.update(wanted)
        return wanted

    async def _keep(self, home: str, incident: str, camera: str) -> None:
        still = await self._take(camera)
        if not still.jpeg:
            log.warning("no still", home=home, incident=incident, camera=camera, reason=still.problem)
            return
        try:
            await asyncio.to_thread(self._folder.write, home, incident, camera, still.jpeg)
            await asyncio.to_thread(self._folder.prune)
        except OSError as fault:
            log.error("a still cannot be kept", home=home, incident=incident, camera=camera, reason=str(fault))
            return
        log.info("still taken", home=home, incident=incident, camera=camera, size=len(still.jpeg))
        self._on_change()

    async def keep_bounded(self) -> None:
        """Prune now and then until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self._folder.prune)
            except OSError as fault:
                log.error("old stills cannot be deleted", reason=str(fault))
            await self._clock.sleep(PRUNE_EVERY_S)
