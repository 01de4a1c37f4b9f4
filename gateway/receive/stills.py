"""Stills: one picture of a camera that is allowed to, taken when an alarm asks for it.

The same conversation as for a probe, up to a whole key frame; it is decoded and made a JPEG in a picture reader of its
own, which starts for it and ends when nobody asks any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from devices.rtsp import read_address
from devices.rtsp_auth import Credentials
from gateway.backoff import Jitter
from gateway.clock import Clock
from gateway.receive.picture import PictureReader
from gateway.receive.rtsp import Target, probe
from gateway.settings import Camera

AT_A_TIME: Final = 2
"""Cameras that are asked for a still at a time, beside those that are probed."""


class Taken(msgspec.Struct, frozen=True):
    """A still, or why there is none."""

    jpeg: bytes = b""
    problem: str = ""


class StillTaker:
    """Takes stills of the cameras that are allowed to, by name."""

    def __init__(
        self,
        cameras: Iterable[Camera],
        clock: Clock,
        jitter: Jitter,
        password: Callable[[Camera], str | None],
        reader: PictureReader | None = None,
    ) -> None:
        self._cameras = {camera.name: camera for camera in cameras if camera.still_allowed}
        self._clock = clock
        self._jitter = jitter
        self._password = password
        self._reader = reader or PictureReader()
        self._talking = asyncio.Semaphore(AT_A_TIME)
        self._decoding = asyncio.Lock()
        self._busy = 0

    @property
    def allowed(self) -> frozenset[str]:
        """The names of the cameras that are allowed to give stills."""
        return frozenset(self._cameras)

    async def take(self, name: str) -> Taken:
        """A still of a camera. Never raises but when cancelled; never of a camera that is not allowed to."""
        camera = self._cameras.get(name)
        if camera is None:
            return Taken(problem="no stills are allowed of this camera")
        self._busy += 1
        try:
            async with self._talking:
                found = await probe(self._target(camera), self._clock, self._nonce, key_frame=True)
            if not found.key_frame:
                return Taken(problem=found.detail or f"no whole picture came ({found.encoding or 'no video'})")
            async with self._decoding:
                jpeg, problem = await self._reader.still(found.encoding, found.key_frame)
            return Taken(jpeg, problem)
        finally:
            self._busy -= 1
            if not self._busy:
                await self._reader.aclose()

    def _target(self, camera: Camera) -> Target:
        credentials = Credentials(camera.username, self._password(camera) or "") if camera.username else None
        return Target(read_address(camera.url), credentials, camera.basic_auth)

    def _nonce(self) -> str:
        return f"{int(self._jitter() * 2**53):014x}"
