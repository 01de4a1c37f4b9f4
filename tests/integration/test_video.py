"""Cameras against a real RTSP server: frames, passwords, stalls, black and frozen pictures, and what it all costs."""

from __future__ import annotations

import asyncio
import json
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from devices.rtsp import read_address
from devices.rtsp_auth import Credentials
from gateway.clock import SystemClock
from gateway.receive.picture import PictureReader
from gateway.receive.rtsp import LIVE_AFTER_S, Outcome, Probe, Target, probe
from tests.deliver_world import until
from tests.servers import free_port
from tests.video_world import World, camera

PYTHON = "/usr/bin/python3"
SCRIPT = Path(__file__).parents[1] / "rtsp_server.py"
NEEDED = 'import gi; gi.require_version("GstRtspServer", "1.0")'
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        shutil.which(PYTHON) is None or subprocess.run([PYTHON, "-c", NEEDED], check=False).returncode != 0,
        reason="no gst-rtsp-server here",
    ),
]


class RtspServer:
    """A camera as `tests/rtsp_server.py` makes it."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self._options = options
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [PYTHON, str(SCRIPT), str(self.port), *self._options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def url(self, path: str = "live") -> str:
        return f"rtsp://127.0.0.1:{self.port}/{path}"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture(scope="module", params=["jpeg", "h264"])
def guarded(request: pytest.FixtureRequest) -> Iterator[RtspServer]:
    server = RtspServer("--user", "viewer", "--password", "pass word,\"1\"", "--encoder", request.param)  # fmt: skip
    yield server
    server.kill()


@pytest.fixture(scope="module")
def plain() -> Iterator[RtspServer]:
    server = RtspServer()
    yield server
    server.kill()


GOOD = Credentials("viewer", 'pass word,"1"')


async def ask(
    url: str, credentials: Credentials | None = None, *, basic: bool = False, key_frame: bool = False
) -> Probe:
    return await probe(Target(read_address(url), credentials, basic), SystemClock(), lambda: "abc", key_frame=key_frame)


async def test_frames_of_a_camera_with_digest_authentication(guarded: RtspServer) -> None:
    began = time.monotonic()
    found = await ask(guarded.url(), GOOD)
    assert (found.outcome, found.detail) == (Outcome.LIVE, "")
    assert found.frame_at is not None and found.frame_at - began >= LIVE_AFTER_S


async def test_a_key_frame_is_fetched_and_looked_at(guarded: RtspServer) -> None:
    found = await ask(guarded.url(), GOOD, key_frame=True)
    reader = PictureReader()
    judged = await reader.look(found.encoding, found.key_frame)
    broken = await reader.look(found.encoding, b"\0\0\0\1\x65" + b"x" * 500)
    again = await reader.look(found.encoding, found.key_frame)
    await reader.aclose()
    assert judged.look is not None and not judged.look.dark and again.look == judged.look
    assert (broken.look, broken.failed) == (None, False) and "not decodable" in broken.problem


@pytest.mark.parametrize(
    ("credentials", "words", "refused"),
    [
        pytest.param(None, "it asks for a password", False, id="none"),
        pytest.param(Credentials("viewer", "wrong"), "it refuses our password", True, id="wrong"),
        pytest.param(Credentials("nobody", 'pass word,"1"'), "it refuses our password", True, id="unknown-user"),
    ],
)
async def test_who_is_not_let_in_knows_that_the_camera_lives(
    guarded: RtspServer, credentials: Credentials | None, words: str, refused: bool
) -> None:
    found = await ask(guarded.url(), credentials)
    assert (found.outcome, found.misconfigured, found.password_refused) == (Outcome.REFUSED, True, refused)
    assert words in found.detail and "pass word" not in found.detail


async def test_basic_authentication_is_used_only_where_it_is_allowed() -> None:
    server = RtspServer("--user", "u", "--password", "w", "--basic")
    try:
        found = await ask(server.url(), Credentials("u", "w"))
        assert (found.outcome, found.password_refused) == (Outcome.REFUSED, False)
        assert "allow basic_auth" in found.detail
        assert (await ask(server.url(), Credentials("u", "w"), basic=True)).outcome is Outcome.LIVE
    finally:
        server.kill()


async def test_pictures_that_stop_after_the_first_moment_are_no_live_frames(plain: RtspServer) -> None:
    found = await ask(plain.url("stalling"))
    assert (found.outcome, found.frame_at) == (Outcome.STALLED, None)
    assert found.detail == "it answers, but old pictures came at once, then none"


@pytest.mark.parametrize(
    ("path", "words", "misconfigured"),
    [("audio", "no video", True), ("nothing", "RTSP 404 Not Found to DESCRIBE: check the path in url", False)],
)
async def test_a_camera_without_the_asked_video(plain: RtspServer, path: str, words: str, misconfigured: bool) -> None:
    found = await ask(plain.url(path))
    assert (found.outcome, found.misconfigured) == (Outcome.DEAD, misconfigured)
    assert words in found.detail


async def test_nobody_listens() -> None:
    found = await ask(f"rtsp://127.0.0.1:{free_port()}/live")
    assert found.outcome is Outcome.DEAD and found.detail.startswith("no connection: ")


async def test_somebody_else_listens() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        found = await ask(f"rtsp://127.0.0.1:{server.sockets[0].getsockname()[1]}/live")
    assert found.outcome is Outcome.DEAD and "not an RTSP answer" in found.detail


async def test_a_camera_that_floods_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not reader.at_eof():
                writer.write(b"$\x07\xff\xff" + bytes(65535))
                await writer.drain()
        except OSError:
            writer.close()

    monkeypatch.setattr("gateway.receive.rtsp.BYTES_MAX", 1 << 20)
    async with await asyncio.start_server(flood, "127.0.0.1", 0) as server:
        found = await ask(f"rtsp://127.0.0.1:{server.sockets[0].getsockname()[1]}/live")
    assert found.outcome is Outcome.DEAD and "more than 1 MiB" in found.detail


class Onvif(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if b"GetSystemDateAndTime" in asked else 400)
        self.end_headers()
        self.wfile.write(b"<Envelope><Body><GetSystemDateAndTimeResponse/></Body></Envelope>")

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def onvif() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Onvif)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/onvif/device_service"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_killed_server_is_off_line_after_three_probes_and_comes_back(onvif: str) -> None:
    server = RtspServer()
    try:
        settings = camera(url=server.url(), probe_s=0.2, blank_check=False, onvif=onvif)
        async with World([settings], SystemClock()).running() as home:
            await until(lambda: len(home.readings("video.online")) >= 2)
            assert set(home.readings("video.online")) == {True}
            assert all(age < 1 for age in home.readings("video.frame_age"))
            server.kill()
            await until(lambda: False in home.readings("video.online"))
            kinds = [event["type"] for event in home.events()]
            assert kinds[:3] == ["camera_missed", "camera_missed", "camera_off_line"]
            assert home.events()[2]["reason"].endswith("the camera itself answers (ONVIF): look for its video service")
            server.start()
            await until(lambda: home.readings("video.online")[-1] is True)
            assert home.troubles("camera:cam") == [(True, "frames can be asked for")]
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("pattern", "encoder", "told"),
    [
        pytest.param("black", "h264", [True], id="black-h264"),
        pytest.param("black", "jpeg", [True], id="black-jpeg"),
        pytest.param("smpte75", "jpeg", [False, False, True], id="frozen"),
        pytest.param("ball", "jpeg", [False] * 4, id="moving"),
    ],
)
async def test_a_black_and_a_frozen_picture(
    pattern: str, encoder: str, told: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.receive.video.LOOK_PAUSE_S", 0.1)
    monkeypatch.setattr("gateway.receive.video.LOOKING_SHARE", 1.0)
    server = RtspServer("--pattern", pattern, "--encoder", encoder)
    settings = camera(url=server.url(), probe_s=1.0, blank_check=True, blank_every_s=0.3)
    try:
        async with World([settings], SystemClock()).running() as home:
            await until(lambda: len(home.readings("video.blank")) >= len(told), 30)
            assert home.readings("video.blank")[: len(told)] == told
            wanted = [] if True not in told else ["picture_black" if pattern == "black" else "picture_frozen"]
            assert [event["type"] for event in home.events()] == wanted
    finally:
        server.kill()


async def test_a_picture_reader_that_hangs_or_dies_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = PictureReader()
    first = await reader.look("JPEG", b"")
    assert not first.failed
    assert reader._process is not None
    reader._process.send_signal(19)  # SIGSTOP
    monkeypatch.setattr("gateway.receive.picture.DECODE_S", 0.5)
    hung = await reader.look("JPEG", b"")
    assert hung.failed and "no answer within 0.5 s" in hung.problem
    monkeypatch.setattr("gateway.receive.picture.DECODE_S", 10.0)
    assert not (await reader.look("JPEG", b"")).failed
    reader._process.kill()
    await reader._process.wait()
    assert (await reader.look("JPEG", b"")).failed
    assert not (await reader.look("JPEG", b"")).failed
    await reader.aclose()


def test_a_picture_reader_works_where_the_service_refuses_to_change_priorities() -> None:
    """As under SystemCallFilter=~@resources, which answers EPERM to setpriority."""
    program = """
import os, resource
def refuse(*_): raise PermissionError(1, "Operation not permitted")
os.nice = resource.setrlimit = refuse
from gateway.receive.picture import main
main()
"""
    frame = struct.pack("!BI", 3, 5) + b"wrong"
    done = subprocess.run([sys.executable, "-c", program], input=frame, capture_output=True, timeout=30, check=False)
    assert b"not decodable" in done.stdout, done.stderr[-300:]


def test_a_4k_picture_fits_into_the_memory_of_the_picture_reader() -> None:
    program = """
import io, struct, sys, av
from fractions import Fraction
out = sys.stdout.buffer
for code, name in ((1, "libx264"), (2, "libx265"), (3, "mjpeg")):
    context = av.CodecContext.create(name, "w")
    context.width, context.height, context.time_base = 3840, 2160, Fraction(1, 25)
    context.pix_fmt = "yuvj420p" if code == 3 else "yuv420p"
    context.options = {} if code == 3 else {"preset": "ultrafast"}
    frame = av.VideoFrame(3840, 2160, context.pix_fmt)
    for plane in frame.planes:
        plane.update(bytes([128]) * plane.buffer_size)
    frame.pts = 0
    body = b"".join(bytes(packet) for one in (frame, None) for packet in context.encode(one))
    out.write(struct.pack("!BI", code, len(body)) + body)
"""
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=True).stdout
    command = [sys.executable, "-m", "gateway.receive.picture"]
    told = subprocess.run(command, input=made, capture_output=True, timeout=60, check=True).stdout.splitlines()
    assert [json.loads(line)["problem"] for line in told] == ["", "", ""]
    assert all(120 < json.loads(line)["look"]["mean"] < 136 for line in told)


@pytest.mark.timed
async def test_two_hundred_cameras_cost_less_than_a_twentieth_of_a_core(plain: RtspServer) -> None:
    """40 probes of a real server, at most 8 at a time; 200 cameras are 200 probes a minute."""
    gate = asyncio.Semaphore(8)
    target, clock = Target(read_address(plain.url())), SystemClock()

    async def one() -> Probe:
        return await probe(target, clock, lambda: "abc", talking=lambda: gate)

    await one()
    before = time.process_time()
    found = await asyncio.gather(*(one() for _ in range(40)))
    cost = (time.process_time() - before) / 40
    assert {each.outcome for each in found} == {Outcome.LIVE}
    assert cost * 200 / 60 < 0.05, f"{cost * 1000:.1f} ms a probe"
