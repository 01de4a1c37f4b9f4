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
from typing import Final

import msgspec

from devices.picture import SIDE, Look, look_at

DECODE_S: Final = 10.0
"""For one key frame; a 4K one takes 0.2 s on an edge box."""

MEMORY_MAX: Final = 512 * 1024 * 1024
"""Address space of the process: 130 MiB with FFmpeg's libraries, and room for a 4K picture with its references."""

PICTURES_MAX: Final = 500
"""Pictures after which the process is replaced, whatever it may have leaked."""

_HEAD: Final = struct.Struct("!BI")
_ENCODINGS: Final = {"H264": 1, "H265": 2, "JPEG": 3}
_DECODERS: Final = {1: "h264", 2: "hevc", 3: "mjpeg"}
_LINE_MAX: Final = 4096
_NICE: Final = 10


class Judged(msgspec.Struct, frozen=True):
    """What came of one key frame: what was seen, or why nothing could be. `cpu_s` is what it cost.

    `failed`: the process itself did not do its work, which is no fault of the camera.
    """

    cpu_s: float
    look: Look | None = None
    problem: str = ""
    failed: bool = False


class PictureReader:
    """The parent's side: hand over a key frame, get what is in it. One at a time."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._pictures = 0

    async def look(self, encoding: str, key_frame: bytes) -> Judged:
        """What is to be seen in a key frame. Never raises but when cancelled; a process that fails is replaced."""
        if encoding not in _ENCODINGS:
            return Judged(0.0, problem=f"{encoding or 'an unnamed format'} is not decoded")
        try:
            async with asyncio.timeout(DECODE_S):
                process = await self._ready()
                assert process.stdin is not None and process.stdout is not None
                process.stdin.write(_HEAD.pack(_ENCODINGS[encoding], len(key_frame)))
                process.stdin.write(key_frame)
                await process.stdin.drain()
                line = await process.stdout.readline()
            self._pictures += 1
            if not line.endswith(b"\n"):
                raise EOFError("it ended")
            return msgspec.json.decode(line, type=Judged)
        except TimeoutError:
            await self.aclose()
            return Judged(DECODE_S, None, f"the picture reader gave no answer within {DECODE_S:g} s", True)
        except (OSError, EOFError, ValueError) as error:
            await self.aclose()
            return Judged(0.0, None, f"the picture reader failed: {str(error)[:80]} (is PyAV installed?)", True)
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


def _decode(decoder: str, key_frame: bytes) -> Look:
    """The first picture in a key frame, scaled down and looked at."""
    import av  # only in the process of its own: 100 MB of libraries

    context = av.CodecContext.create(decoder, "r")
    context.thread_count = 1
    for packet in (av.Packet(key_frame), None):
        for frame in context.decode(packet):
            grey = frame.reformat(width=SIDE, height=SIDE, format="gray", interpolation="AREA")
            plane = grey.planes[0]
            rows = bytes(plane)
            return look_at(b"".join(rows[y * plane.line_size : y * plane.line_size + SIDE] for y in range(SIDE)))
    raise ValueError("no picture in the key frame")


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
        try:
            look, problem = _decode(_DECODERS[code], key_frame), ""
        except (av.FFmpegError, ValueError, MemoryError) as error:
            look, problem = None, f"not decodable: {str(error)[:80]}"
        usage = resource.getrusage(resource.RUSAGE_SELF)
        total = usage.ru_utime + usage.ru_stime
        sink.write(msgspec.json.encode(Judged(total - spent, look, problem)) + b"\n")
        sink.flush()
        spent = total


if __name__ == "__main__":
    main()
