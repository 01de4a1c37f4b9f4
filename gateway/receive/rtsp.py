"""One conversation with a camera: ask for its stream, watch frames come for a moment, take leave.

A frame counts when it comes at least `LIVE_AFTER_S` after the first packet: relays and recorders send the last
pictures of a dead camera at once to whoever asks, and then nothing. Everything is bounded in time and bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

import msgspec

from devices.rtp import KeyFrame, RtpPacket, read_rtp
from devices.rtsp import Address, Answer, Interleaved, Reader, RtspError, request
from devices.rtsp_auth import Challenge, Credentials, authorization, choose, read_challenges
from devices.sdp import Track, video_track
from gateway.clock import Clock

CONNECT_S: Final = 2.0
"""A camera on the home's network answers in milliseconds; 200 dead ones must not hold up the round."""

ANSWER_S: Final = 4.0
"""For one answer. Cameras that open their encoder for us take 1 or 2 s to answer PLAY."""

FRAME_S: Final = 5.0
"""For a frame to come after PLAY."""

KEY_FRAME_S: Final = 12.0
"""For a whole key frame: cameras send one every 2 to 10 s."""

LIVE_AFTER_S: Final = 0.5
BYTES_MAX: Final = 24 * 1024 * 1024
"""What one conversation may receive: 12 s of 16 Mbit/s, the most that cameras send."""

_CHUNK: Final = 64 * 1024
_METHODS_TRIED_MAX: Final = 3

Gate = Callable[[], AbstractAsyncContextManager[object]]


class Outcome(enum.StrEnum):
    """What a probe found: frames come; it answers but no frame comes; it does not let us in; it is not there."""

    LIVE = "live"
    STALLED = "stalled"
    REFUSED = "refused"
    DEAD = "dead"


class Probe(msgspec.Struct, frozen=True):
    """The result of one conversation. `frame_at`: monotonic instant of the last live frame. `detail`: for a person.

    `password_refused`: a password was given and was wrong. `key_frame`: bytes for a decoder, where asked for.
    `misconfigured`: somebody has to mend the settings, here or in the camera.
    """

    outcome: Outcome
    detail: str = ""
    frame_at: float | None = None
    password_refused: bool = False
    misconfigured: bool = False
    key_frame: bytes = b""
    encoding: str = ""


class Target(msgspec.Struct, frozen=True):
    """A camera to talk to. Without credentials it is only asked whether it is there."""

    address: Address
    credentials: Credentials | None = None
    basic_allowed: bool = False


class _Refusal(Exception):
    """The camera answered, but not with its stream."""

    def __init__(self, detail: str, *, alive: bool, password: bool = False, mend: bool = False) -> None:
        super().__init__(detail)
        self.alive = alive
        self.password = password
        self.mend = mend


def _no_gate() -> AbstractAsyncContextManager[object]:
    return contextlib.nullcontext()


async def probe(
    target: Target, clock: Clock, nonce: Callable[[], str], *, key_frame: bool = False, talking: Gate = _no_gate
) -> Probe:
    """Talk to a camera once. Never raises but when cancelled; `talking` is entered once the camera is reached."""
    address = target.address
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(address.host, address.port)
    except TimeoutError:
        return Probe(Outcome.DEAD, f"no connection within {CONNECT_S:g} s")
    except OSError as error:
        return Probe(Outcome.DEAD, f"no connection: {_words(error)}")
    try:
        async with talking():
            return await _Conversation(target, reader, writer, clock, nonce).look(key_frame)
    except _Refusal as refusal:
        outcome = Outcome.REFUSED if refusal.alive else Outcome.DEAD
        return Probe(outcome, str(refusal), password_refused=refusal.password, misconfigured=refusal.mend)
    except RtspError as error:
        return Probe(Outcome.DEAD, str(error))
    except (OSError, EOFError) as error:
        return Probe(Outcome.DEAD, f"the connection broke: {_words(error)}")
    finally:
        writer.transport.abort()


def _words(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:120]


class _Conversation:
    """The state of one connection: its sequence, its challenge, what was read and not used yet."""

    def __init__(
        self,
        target: Target,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        clock: Clock,
        nonce: Callable[[], str],
    ) -> None:
        self._target = target
        self._stream = reader
        self._writer = writer
        self._clock = clock
        self._nonce = nonce
        self._reader = Reader()
        self._sequence = 0
        self._received = 0
        self._challenge: Challenge | None = None
        self._count = 0
        self._packets: list[Interleaved] = []

    async def look(self, key_frame: bool) -> Probe:
        """Ask for the stream and watch it."""
        url = self._target.address.url
        await self._ask("OPTIONS", url)
        described = await self._demand("DESCRIBE", url, {"Accept": "application/sdp"})
        base = described.header("content-base") or described.header("content-location") or url
        track = video_track(described.body, base)
        if track is None:
            raise _Refusal("its session description has no video", alive=False, mend=True)
        transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        setup = await self._demand("SETUP", track.control, transport)
        session = {"Session": setup.header("session").partition(";")[0].strip()}
        channel = _channel(setup.header("transport"))
        self._packets.clear()
        await self._demand("PLAY", base, {**session, "Range": "npt=0.000-"})
        found = await self._watch(track, channel, key_frame)
        with contextlib.suppress(OSError, RtspError):
            # A courtesy, so that the camera frees its place at once; it also goes when the connection ends.
            self._send("TEARDOWN", base, session)
            async with asyncio.timeout(ANSWER_S):
                await self._writer.drain()
                self._writer.write_eof()
        return found

    async def _demand(self, method: str, uri: str, headers: dict[str, str]) -> Answer:
        """The answer to a request that has to succeed; _Refusal otherwise."""
        answer = await self._ask(method, uri, headers)
        if 200 <= answer.status < 300:
            return answer
        detail = f"RTSP {answer.words} to {method}"
        if answer.status in (401, 407):
            raise self._refused_password(detail)
        if answer.status == 403:
            raise _Refusal(f"{detail}: give its user the right to live video", alive=True, mend=True)
        if answer.status == 404:
            raise _Refusal(f"{detail}: check the path in url, or the recorder's channel has no camera", alive=False)
        if answer.status == 461:
            raise _Refusal(f"{detail}: it does not send video over TCP; switch that on", alive=True, mend=True)
        raise _Refusal(detail, alive=False)

    def _refused_password(self, detail: str) -> _Refusal:
        """What a 401 means depends on what was offered: it is alive all the same."""
        if self._target.credentials is None:
            words = f"{detail}: it asks for a password; give username and password_file"
            return _Refusal(words, alive=True, mend=True)
        if self._challenge is None:
            words = f"{detail}: it offers no digest authentication that we know; switch it on, or allow basic_auth"
            return _Refusal(words, alive=True, mend=True)
        words = f"{detail}: it refuses our password; check username and password_file"
        return _Refusal(words, alive=True, password=True, mend=True)

    async def _ask(self, method: str, uri: str, headers: dict[str, str] | None = None) -> Answer:
        """The answer, after authentication where the camera wants it; once more for a nonce that is too old."""
        answer = await self._exchange(method, uri, headers)
        for _ in range(_METHODS_TRIED_MAX - 1):
            if answer.status != 401 or self._target.credentials is None:
                break
            challenges = read_challenges(answer.headers.get("www-authenticate", ()))
            chosen = choose(challenges, basic_allowed=self._target.basic_allowed)
            if chosen is None or (self._challenge is not None and not chosen.stale):
                break
            self._challenge, self._count = chosen, 0
            answer = await self._exchange(method, uri, headers)
        return answer

    def _send(self, method: str, uri: str, headers: dict[str, str]) -> None:
        self._sequence += 1
        if self._challenge is not None and self._target.credentials is not None:
            self._count += 1
            said = authorization(self._challenge, self._target.credentials, method, uri, self._count, self._nonce())
            headers = {**headers, "Authorization": said}
        self._writer.write(request(method, uri, self._sequence, headers))

    async def _exchange(self, method: str, uri: str, headers: dict[str, str] | None) -> Answer:
        self._send(method, uri, headers or {})
        try:
            async with asyncio.timeout(ANSWER_S):
                while True:
                    for item in await self._receive():
                        if isinstance(item, Interleaved):
                            self._packets.append(item)
                        elif item.status >= 200 and item.header("cseq") in ("", str(self._sequence)):
                            return item
        except TimeoutError:
            raise RtspError(f"no answer to {method} within {ANSWER_S:g} s") from None

    async def _receive(self) -> list[Answer | Interleaved]:
        received = await self._stream.read(_CHUNK)
        if not received:
            raise EOFError("the camera ended it")
        self._received += len(received)
        if self._received > BYTES_MAX:
            raise RtspError(f"more than {BYTES_MAX >> 20} MiB in one conversation")
        return self._reader.feed(received)

    async def _watch(self, track: Track, channel: int, key_frame: bool) -> Probe:
        """Read until a live frame came (and a key frame, where asked for), or the time is over."""
        watch = _Watch(track, channel, KeyFrame(track) if key_frame and KeyFrame.understands(track.encoding) else None)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FRAME_S if watch.assembler is None else KEY_FRAME_S):
                for item in self._packets:
                    watch.take(item, self._clock.monotonic())
                while not watch.done:
                    for item in await self._receive():
                        if isinstance(item, Interleaved):
                            watch.take(item, self._clock.monotonic())
        if watch.frame_at is None:
            words = "old pictures came at once, then none" if watch.packets else "no video came"
            return Probe(Outcome.STALLED, f"it answers, but {words}", encoding=track.encoding)
        return Probe(Outcome.LIVE, "", watch.frame_at, key_frame=watch.key_frame, encoding=track.encoding)


class _Watch:
    """What has come of a track so far. A frame has come when its last packet did, or when the next one began."""

    def __init__(self, track: Track, channel: int, assembler: KeyFrame | None) -> None:
        self._track = track
        self._channel = channel
        self.assembler = assembler
        self.packets = 0
        self.frame_at: float | None = None
        self.key_frame = b""
        self._first_at = 0.0
        self._newest: int | None = None

    @property
    def done(self) -> bool:
        return self.frame_at is not None and (self.assembler is None or bool(self.key_frame))

    def take(self, item: Interleaved, at: float) -> None:
        if item.channel != self._channel:
            return
        packet = read_rtp(item.payload)
        if packet.payload_type != self._track.payload_type:
            return
        if not self.packets:
            self._first_at = at
        self.packets += 1
        self._note_frame(packet, at)
        if self.assembler is not None and not self.key_frame:
            self.key_frame = self.assembler.take(packet) or b""

    def _note_frame(self, packet: RtpPacket, at: float) -> None:
        """A frame is another one only if the track's clock went on: a repeated packet is no picture."""
        ahead = 0 if self._newest is None else (packet.timestamp - self._newest) & 0xFFFFFFFF
        if self._newest is None or 0 < ahead < 0x80000000:
            self._newest = packet.timestamp
        if ahead and ahead < 0x80000000 and at - self._first_at >= LIVE_AFTER_S:
            self.frame_at = at


def _channel(transport: str) -> int:
    """The channel of the video's packets: ours, unless the camera chose another."""
    for part in transport.split(";"):
        name, _, value = part.strip().partition("=")
        first = value.partition("-")[0].strip()
        if name.lower() == "interleaved" and first.isascii() and first.isdigit() and int(first) < 256:
            return int(first)
    return 0
