"""The picture reader: a process of its own that decodes one key frame at a time and tells what is to be seen in it.

What a camera sends is input from outside, and the decoders for it (FFmpeg's, through PyAV) are large C programs: a
crash, a hang or a runaway allocation in them must not touch the process that decides fire alarms. The process is
started for the first picture, killed when it takes too long, and ends with its parent, whose pipe it reads.
`python -m gateway.receive.picture` is that process; it answers each frame with one line of JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import struct
import sys
from fractions import Fraction
from typing import Any, Final

import msgspec

from devices.picture import SIDE, Look, look_at

DECODE_S: Final = 10.0
"""For one key frame; a 4K one takes 0.2 s on an edge box."""

MEMORY_MAX: Final = 512 * 1024 * 1024
"""Address space of the process: 130 MiB with FFmpeg's libraries, and room for a 4K picture with its references."""

PICTURES_MAX: Final = 500
"""Pictures after which the process is replaced, whatever it may have leaked."""

STILL_WIDTH_MAX: Final = 1280
STILL_BYTES_MAX: Final = 512 * 1024
"""A still is scaled down to this width, and made coarser until it is no larger."""

_STILL_QUALITIES: Final = (4, 8, 16, 31)
"""Quantiser scales of JPEG, the finest first."""

_STILL: Final = 0x80
"""Set in the code of a key frame of which the picture itself is wanted."""

_HEAD: Final = struct.Struct("!BI")
_ENCODINGS: Final = {"H264": 1, "H265": 2, "JPEG": 3}
_DECODERS: Final = {1: "h264", 2: "hevc", 3: "mjpeg"}
_LINE_MAX: Final = 4096
_NICE: Final = 10


class Judged(msgspec.Struct, frozen=True):
    """What came of one key frame: what was seen, or why nothing could be. `cpu_s` is what it cost.

    `failed`: the process itself did not do its work, which is no fault of the camera. `still_bytes`: so many bytes of
    a JPEG follow, where one was asked for.
    """

    cpu_s: float
    look: Look | None = None
    problem: str = ""
    failed: bool = False
    still_bytes: int = 0


class PictureReader:
    """The parent's side: hand over a key frame, get what is in it. One at a time."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._pictures = 0

    async def look(self, encoding: str, key_frame: bytes) -> Judged:
        """What is to be seen in a key frame. Never raises but when cancelled; a process that fails is replaced."""
        return (await self._ask(encoding, key_frame))[0]

    async def still(self, encoding: str, key_frame: bytes) -> tuple[bytes, str]:
        """The picture in a key frame as a JPEG, or b"" and why not. Never raises but when cancelled."""
        judged, jpeg = await self._ask(encoding, key_frame, _STILL)
        return jpeg, judged.problem

    async def _ask(self, encoding: str, key_frame: bytes, wanted: int = 0) -> tuple[Judged, bytes]:
        if encoding not in _ENCODINGS:
            return Judged(0.0, problem=f"{encoding or 'an unnamed format'} is not decoded"), b""
        try:
            async with asyncio.timeout(DECODE_S):
                process = await self._ready()
                assert process.stdin is not None and process.stdout is not None
                process.stdin.write(_HEAD.pack(_ENCODINGS[encoding] | wanted, len(key_frame)))
                process.stdin.write(key_frame)
                await process.stdin.drain()
                line = await process.stdout.readline()
                if not line.endswith(b"\n"):
                    raise EOFError("it ended")
                judged = msgspec.json.decode(line, type=Judged)
                if judged.still_bytes > STILL_BYTES_MAX:
                    raise ValueError(f"a still of {judged.still_bytes} bytes")
                jpeg = await process.stdout.readexactly(judged.still_bytes) if judged.still_bytes else b""
            self._pictures += 1
            return judged, jpeg
        except TimeoutError:
            await self.aclose()
            return Judged(DECODE_S, None, f"the picture reader gave no answer within {DECODE_S:g} s", True), b""
        except (OSError, EOFError, ValueError) as error:
            await self.aclose()
            return Judged(0.0, None, f"the picture reader failed: {str(error)[:80]} (is PyAV installed?)", True), b""
        except asyncio.CancelledError:
            await self.aclose()
            raise

    async def _ready(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._pictures >= PICTURES_MAX:
            await self.aclose()
        if self._process is None:
            self._pictures = 0
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway.receive.picture",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=_LINE_MAX,
            )
        return self._process

    async def aclose(self) -> None:
        """End the process at once."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _decode(decoder: str, key_frame: bytes) -> Any:
    """The first picture in a key frame."""
    import av  # only in the process of its own: 100 MB of libraries

    context = av.CodecContext.create(decoder, "r")
    context.thread_count = 1
    for packet in (av.Packet(key_frame), None):
        for frame in context.decode(packet):
            return frame
    raise ValueError("no picture in the key frame")


def _look(frame: Any) -> Look:
    """A picture scaled down and looked at."""
    grey = frame.reformat(width=SIDE, height=SIDE, format="gray", interpolation="AREA")
    plane = grey.planes[0]
    rows = bytes(plane)
    return look_at(b"".join(rows[y * plane.line_size : y * plane.line_size + SIDE] for y in range(SIDE)))


def _jpeg(frame: Any) -> bytes:
    """A picture as a JPEG, no wider and no larger than a still may be."""
    import av

    width = min(frame.width, STILL_WIDTH_MAX) // 2 * 2
    height = max(frame.height * width // frame.width // 2 * 2, 2)
    small = frame.reformat(width=width, height=height, format="yuvj420p", interpolation="AREA")
    for quality in _STILL_QUALITIES:
        context = av.CodecContext.create("mjpeg", "w")
        context.width, context.height, context.pix_fmt = width, height, "yuvj420p"
        context.time_base = Fraction(1, 25)
        context.options = {"qmin": str(quality), "qmax": str(quality)}
        small.pts = 0
        jpeg = b"".join(bytes(packet) for packet in (*context.encode(small), *context.encode(None)))
        if len(jpeg) <= STILL_BYTES_MAX:
            return jpeg
    raise ValueError(f"a still of more than {STILL_BYTES_MAX >> 10} KiB")


def _confine() -> None:
    """Bound the process's memory and let everything else go before it, as far as it is allowed to."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = MEMORY_MAX if hard == resource.RLIM_INFINITY else min(MEMORY_MAX, hard)
    # The service's own filter refuses changes of priority; its MemoryMax then bounds both processes together.
    with contextlib.suppress(PermissionError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with contextlib.suppress(PermissionError):
        os.nice(_NICE)


def main() -> None:
    """Read key frames from standard input until it ends."""
    _confine()
    import av.logging

    av.logging.set_level(av.logging.PANIC)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    spent = 0.0
    while len(head := source.read(_HEAD.size)) == _HEAD.size:
        code, size = _HEAD.unpack(head)
        key_frame = source.read(size)
        look, jpeg, problem = None, b"", ""
        try:
            frame = _decode(_DECODERS[code & ~_STILL], key_frame)
            if code & _STILL:
                jpeg = _jpeg(frame)
            else:
                look = _look(frame)
        except (av.FFmpegError, ValueError, MemoryError) as error:
            problem = f"not decodable: {str(error)[:80]}"
        usage = resource.getrusage(resource.RUSAGE_SELF)
        total = usage.ru_utime + usage.ru_stime
        sink.write(msgspec.json.encode(Judged(total - spent, look, problem, still_bytes=len(jpeg))) + b"\n" + jpeg)
        sink.flush()
        spent = total


if __name__ == "__main__":
    main()
