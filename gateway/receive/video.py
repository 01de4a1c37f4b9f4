"""Video links: every camera is asked for frames once a minute; now and then its picture is looked at.

Frames that come prove a camera; an answer to a ping, or the word of a recorder, does not. Off line after three
missed probes, 60 s apart (GB/T 28181-2016 9.6.1). Each camera has a phase of its own, so that 200 of them do not
come at once; at most `TALKING_MAX` send us video at a time, while dead ones hold up nobody. The pictures are looked
at one after the other, with `LOOKING_SHARE` of one core as their budget: over it, the looks come less often.
No picture is stored and none leaves the process that looks at it: only a fingerprint is kept, in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, Protocol

import msgspec

from devices.picture import BLACK_CHECKED_AFTER, Seen
from devices.reading import Quality, Reading, Report
from devices.rtsp import read_address
from devices.rtsp_auth import Credentials
from gateway.backoff import Jitter
from gateway.clock import Clock
from gateway.http import HttpClient, Unreachable
from gateway.inbox import Delivery, Inbox
from gateway.receive.inventory import Inventory
from gateway.receive.picture import Judged, PictureReader
from gateway.receive.rtsp import Outcome, Probe, Target, probe
from gateway.settings import VIDEO_SOURCE, Camera
from rules.inputs import AnyInput, LinkChanged, ReadingsArrived

OFF_LINE_MISSED: Final = 3
"""Probes in a row that a camera misses before it is off line (GB/T 28181-2016 9.6.1: 60 s x 3)."""

TALKING_MAX: Final = 8
"""Cameras that send us video at a time."""

CONNECTING_MAX: Final = 64
"""Connections that are tried at a time: a dead camera costs 2 s of waiting and nothing else."""

BACKED_OFF: Final = 2
"""A camera that is off line is asked half as often, still well within its silence limit of 180 s."""

PASSWORD_AFTER_S: Final = 1800.0
"""Cameras lock out whoever sends a wrong password too often: it is withheld for so long, then tried again."""

LOOKING_SHARE: Final = 0.1
"""The part of one core that looking at pictures may take."""

ONVIF_S: Final = 3.0
LOOK_PAUSE_S: Final = 1.0

_DATE_AND_TIME: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
    b'<GetSystemDateAndTime xmlns="http://www.onvif.org/ver10/device/wsdl"/></s:Body></s:Envelope>'
)
"""The one ONVIF request that every camera answers without authentication (ONVIF core specification, 5.12 PRE_AUTH)."""


class Talk(Protocol):
    """How a camera is talked to: `gateway.receive.rtsp.probe`, or a test's."""

    async def __call__(
        self,
        target: Target,
        clock: Clock,
        nonce: Callable[[], str],
        *,
        key_frame: bool = False,
        talking: Callable[[], AbstractAsyncContextManager[object]] = ...,
    ) -> Probe: ...


class _Watched(msgspec.Struct):
    """One camera and what is known of it. Instants are monotonic."""

    setting: Camera
    target: Target
    since: float
    look_at: float = 0.0
    frame_at: float | None = None
    misses: int = 0
    answers: bool = False
    trouble: str | None = None
    password_at: float | None = None
    seen: Seen = Seen()
    fault: str = ""


class VideoSource:
    """All cameras of all homes that the settings name."""

    def __init__(
        self,
        cameras: Iterable[Camera],
        inventory: Inventory,
        inbox: Inbox,
        clock: Clock,
        jitter: Jitter,
        http: HttpClient,
        password: Callable[[Camera], str | None],
        on_state: Callable[[str, bool, str], None],
        talk: Talk = probe,
        reader: PictureReader | None = None,
    ) -> None:
        self._inventory = inventory
        self._inbox = inbox
        self._clock = clock
        self._jitter = jitter
        self._http = http
        self._on_state = on_state
        self._talk = talk
        self._reader = reader or PictureReader()
        self._reader_works: bool | None = None
        self._talking = asyncio.Semaphore(TALKING_MAX)
        self._connecting = asyncio.Semaphore(CONNECTING_MAX)
        now = clock.monotonic()
        self._cameras = [_Watched(camera, _target(camera, password(camera)), now) for camera in cameras]

    async def run(self) -> None:
        """Watch until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for camera in self._cameras:
                    group.create_task(self._watch(camera), name=f"camera {camera.setting.name}")
                group.create_task(self._look_around(), name="camera pictures")
        finally:
            await self._reader.aclose()

    # frames

    async def _watch(self, camera: _Watched) -> None:
        every = camera.setting.probe_s
        due = self._clock.monotonic() + self._jitter() * every
        while True:
            await self._clock.sleep(max(due - self._clock.monotonic(), 0.0))
            await self._room()
            if self._inventory.find(VIDEO_SOURCE, camera.setting.name) is not None:
                await self._probe(camera)
            due += every * (BACKED_OFF if camera.misses >= OFF_LINE_MISSED else 1)
            due = max(due, self._clock.monotonic())

    async def _room(self) -> None:
        """While the inbox is full nothing is asked: what comes of a probe is never dropped."""
        while self._inbox.full:
            relieved = asyncio.Event()
            self._inbox.when_relieved(relieved.set)
            await relieved.wait()

    async def _probe(self, camera: _Watched) -> None:
        withheld = self._withheld(camera)
        target = msgspec.structs.replace(camera.target, credentials=None) if withheld else camera.target
        async with self._connecting:
            found = await self._talk(target, self._clock, self._nonce, talking=lambda: self._talking)
        if found.password_refused:
            camera.password_at = self._clock.monotonic()
        elif not withheld:
            camera.password_at = None
        if found.outcome is Outcome.DEAD:
            await self._missed(camera, found)
        else:
            self._answered(camera, found)
        if not withheld or found.outcome is not Outcome.REFUSED:
            self._note_trouble(camera, found)

    def _withheld(self, camera: _Watched) -> bool:
        refused_at = camera.password_at
        return refused_at is not None and self._clock.monotonic() - refused_at < PASSWORD_AFTER_S

    def _nonce(self) -> str:
        """A client nonce: it hinders prepared tables of digests and need not be secret."""
        return f"{int(self._jitter() * 2**53):014x}"

    def _answered(self, camera: _Watched, found: Probe) -> None:
        camera.misses = 0
        camera.answers = True
        readings: list[Reading] = [Reading("video.online", True)]
        if found.outcome is Outcome.LIVE:
            camera.frame_at = found.frame_at
        if found.outcome is not Outcome.REFUSED:  # who is not let in cannot know how old the picture is
            readings.append(self._frame_age(camera))
        self._report(camera, readings, _event("camera_stalled", found.detail))

    async def _missed(self, camera: _Watched, found: Probe) -> None:
        camera.misses += 1
        camera.answers = False
        words = found.detail + await self._ask_onvif(camera)
        if camera.misses < OFF_LINE_MISSED:
            self._report(camera, [self._frame_age(camera)], _event("camera_missed", words))
        else:
            # The age of the picture is left out: one alarm for a camera that is gone, not two.
            self._report(camera, [Reading("video.online", False)], _event("camera_off_line", words))

    def _frame_age(self, camera: _Watched) -> Reading:
        """The age of the last frame. Where none was ever seen it is at least as old as our watch, and marked."""
        if camera.frame_at is None:
            return Reading("video.frame_age", self._clock.monotonic() - camera.since, Quality.SUSPECT)
        return Reading("video.frame_age", max(self._clock.monotonic() - camera.frame_at, 0.0))

    def _note_trouble(self, camera: _Watched, found: Probe) -> None:
        """A camera that is there and must be set up otherwise is a trouble of its own, told when its words change."""
        trouble = found.detail if found.misconfigured else ""
        if trouble == camera.trouble or (not trouble and found.outcome is Outcome.DEAD):
            return
        camera.trouble = trouble
        self._tell(
            camera.setting.home, f"camera:{camera.setting.name}", not trouble, trouble or "frames can be asked for"
        )

    async def _ask_onvif(self, camera: _Watched) -> str:
        """Words on whether the camera itself is there although its video is not."""
        if not camera.setting.onvif:
            return ""
        kind = {"Content-Type": "application/soap+xml; charset=utf-8"}
        try:
            answer = await self._http.request(
                "POST", camera.setting.onvif, body=_DATE_AND_TIME, headers=kind, timeout_s=ONVIF_S
            )
        except Unreachable as gone:
            return f"; ONVIF: {gone.reason}"
        if b"GetSystemDateAndTimeResponse" in answer.body:
            return "; the camera itself answers (ONVIF): look for its video service"
        return f"; ONVIF: HTTP {answer.status}, no date and time"

    # pictures

    async def _look_around(self) -> None:
        """One camera after the other, each when it is due, and none before the last one's cost is paid off."""
        watched = [camera for camera in self._cameras if camera.setting.blank_check]
        for camera in watched:
            camera.look_at = self._clock.monotonic() + self._jitter() * camera.setting.blank_every_s
        while watched:
            camera = min(watched, key=lambda one: one.look_at)
            await self._clock.sleep(max(camera.look_at - self._clock.monotonic(), 0.0))
            await self._room()
            cpu_s = await self._look(camera) if camera.answers and not camera.trouble else 0.0
            soon = not camera.seen.settled
            pause = BLACK_CHECKED_AFTER.total_seconds() if soon else camera.setting.blank_every_s
            camera.look_at = self._clock.monotonic() + min(pause, camera.setting.blank_every_s)
            await self._clock.sleep(max(cpu_s / LOOKING_SHARE, LOOK_PAUSE_S))
        await asyncio.get_running_loop().create_future()

    async def _look(self, camera: _Watched) -> float:
        """Look at one key frame and report; the seconds of a core that it cost."""
        found = await self._talk(camera.target, self._clock, self._nonce, key_frame=True)
        if not found.key_frame:
            return 0.0
        judged = await self._reader.look(found.encoding, found.key_frame)
        self._note_reader(judged)
        if judged.look is None:
            return judged.cpu_s
        camera.seen = camera.seen.after(judged.look)
        fault = camera.seen.fault
        if camera.seen.settled:
            event = _event(f"picture_{fault}", "two looks" if fault == "black" else "three looks") if fault else ()
            self._report(camera, [Reading("video.blank", bool(fault))], event if fault != camera.fault else ())
            camera.fault = fault
        return judged.cpu_s

    def _note_reader(self, judged: Judged) -> None:
        """Pictures that cannot be looked at any more are a trouble of the gateway, not of a camera."""
        works = not judged.failed
        if works is self._reader_works:
            return
        self._reader_works = works
        words = judged.problem or "pictures are looked at"
        for home in dict.fromkeys(camera.setting.home for camera in self._cameras):
            self._tell(home, "video-pictures", works, words)

    # reports

    def _report(self, camera: _Watched, readings: list[Reading], events: tuple[dict[str, str], ...]) -> None:
        """Hand over what was found, unless the camera was taken out of the site file meanwhile."""
        known = self._inventory.find(VIDEO_SOURCE, camera.setting.name)
        if known is None:
            return
        device, said = known.device.id, tuple(readings)

        def make(at: datetime) -> AnyInput:
            report = Report(device, said, None, events, known.next_row(int(at.timestamp() * 1000)))
            return ReadingsArrived(at=at, source=VIDEO_SOURCE, reports=(report,))

        self._inbox.put(Delivery(home=camera.setting.home, make=make, size=256, device=device))

    def _tell(self, home: str, link: str, up: bool, words: str) -> None:
        self._on_state(link, up, "" if up else words)
        self._inbox.put(Delivery(home=home, make=lambda at: LinkChanged(at=at, link=link, up=up, detail=words)))


def _target(camera: Camera, password: str | None) -> Target:
    credentials = Credentials(camera.username, password or "") if camera.username else None
    return Target(read_address(camera.url), credentials, camera.basic_auth)


def _event(kind: str, reason: str) -> tuple[dict[str, str], ...]:
    return ({"type": kind, "reason": reason[:200]},) if reason else ()
