"""A still from a real RTSP server: the picture itself, bounded, behind the journal's commit and in nobody's way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.deliver.courier import Courier
from gateway.deliver.stills import StillDestination, StillFolder
from gateway.receive import picture
from gateway.receive.picture import PictureReader
from gateway.receive.stills import StillTaker
from gateway.record.journal import SqliteRecord
from gateway.record.record import JournalEntry
from rules.alarm import Alarm, Category
from rules.effects import AlarmChanged, Change
from rules.inputs import TimePassed
from rules.site import Device, Site
from rules.text import Text
from tests.deliver_world import until
from tests.integration.test_video import RtspServer, pytestmark  # noqa: F401  (the same needs)
from tests.servers import free_port
from tests.video_world import camera


@pytest.fixture(scope="module", params=["jpeg", "h264"])
def server(request: pytest.FixtureRequest) -> Iterator[RtspServer]:
    made = RtspServer("--encoder", request.param, "--pattern", "red")
    yield made
    made.kill()


def taker(*names_and_urls: tuple[str, str], allowed: bool = True) -> StillTaker:
    cameras = [
        camera(name, url, still_allowed=allowed, username="", basic_auth=False) for name, url in names_and_urls
    ]
    return StillTaker(cameras, SystemClock(), lambda: 0.3, lambda _: None)


def colour(jpeg: bytes) -> tuple[int, int, tuple[int, int, int]]:
    """Width, height and the middle pixel of a JPEG, decoded by somebody else's program."""
    import io

    import av

    with av.open(io.BytesIO(jpeg)) as container:
        frame = next(container.decode(video=0))
    (plane,) = frame.reformat(format="rgb24").planes
    start = frame.height // 2 * plane.line_size + frame.width // 2 * 3
    red, green, blue = bytes(plane)[start : start + 3]
    return frame.width, frame.height, (red, green, blue)


async def test_the_picture_itself_comes_whole(server: RtspServer) -> None:
    taken = await taker(("cam", server.url())).take("cam")
    assert taken.problem == ""
    width, height, (red, green, blue) = colour(taken.jpeg)
    assert (width, height) == (320, 240)
    assert red > 200 and green < 60 and blue < 60, "the camera shows red"


async def test_a_camera_that_is_not_allowed_is_not_even_asked(server: RtspServer) -> None:
    made = taker(("cam", server.url()), allowed=False)
    assert made.allowed == frozenset()
    assert (await made.take("cam")).problem == "no stills are allowed of this camera"


async def test_a_camera_that_is_gone_has_no_still(server: RtspServer) -> None:
    taken = await taker(("cam", f"rtsp://127.0.0.1:{free_port()}/live")).take("cam")
    assert taken.jpeg == b"" and "no connection" in taken.problem


async def test_a_large_picture_is_scaled_down_and_made_coarser(monkeypatch: pytest.MonkeyPatch) -> None:
    import av

    picture_of_noise = av.VideoFrame(4096, 2304, "yuvj420p")
    for plane in picture_of_noise.planes:
        plane.update((b"\x00\xff\x10\xd0\x80" * (plane.buffer_size // 5 + 1))[: plane.buffer_size])
    jpeg = picture._jpeg(picture_of_noise)
    width, height, _ = colour(jpeg)
    assert (width, height) == (1280, 720) and len(jpeg) <= picture.STILL_BYTES_MAX
    monkeypatch.setattr(picture, "STILL_BYTES_MAX", 1000)
    with pytest.raises(ValueError, match="a still of more than"):
        picture._jpeg(picture_of_noise)


async def test_what_is_no_picture_has_no_still_and_the_reader_goes_on(server: RtspServer) -> None:
    reader = PictureReader()
    jpeg, problem = await reader.still("JPEG", b"\xff\xd8 nothing")
    assert jpeg == b"" and "not decodable" in problem
    assert "not decodable" in (await reader.still("H264", b"\x00\x00\x00\x01\x67"))[1]
    await reader.aclose()


async def test_an_alarm_in_the_journal_has_its_still_taken(server: RtspServer, tmp_path: Path) -> None:
    clock = SystemClock()
    dead = f"rtsp://127.0.0.1:{free_port()}/live"
    devices = tuple(
        Device(id=f"d-{name}", kind="video", source="video", address=name, zone="hall", name=Text(name))
        for name in ("cam", "dead")
    )
    site = Site(id="home-a", name=Text("甲院"), devices=devices)
    folder = StillFolder(tmp_path / "stills", 30, 1 << 20, clock)
    made = taker(("cam", server.url()), ("dead", dead))
    stills = StillDestination(folder, lambda _: site, made.allowed, made.take, clock)
    record = await SqliteRecord.open(tmp_path / "journal.db", clock=clock)

    await record.open_stream("home-a")

    async def submit(home: str, make: object) -> None:
        del home, make

    courier = Courier(stills, record, ("home-a",), clock, submit, lambda: 0.0, 4)  # type: ignore[arg-type]
    task = asyncio.create_task(courier.run())
    try:
        at = clock.now()
        fire = Alarm(
            id="home-a:1:1", rule="fire.smoke", subject="smoke-1", zone="hall", category=Category.FIRE, priority=1,
            title=Text("火警"), raised_at=at, incident="home-a:1:1.i1",
        )  # fmt: skip
        effect = AlarmChanged(at=at, alarm=fire, change=Change.RAISED)
        began = time.monotonic()
        await record.commit([JournalEntry("home-a", 1, 1, at, TimePassed(at=at), (effect,))])
        assert time.monotonic() - began < 0.5, "the commit waits for no camera"
        await until(lambda: bool(folder.list("home-a", fire.incident)))
        (kept,) = folder.list("home-a", fire.incident)
        assert kept.camera == "cam" and abs(kept.taken_at - clock.wall()) < timedelta(seconds=10)
        jpeg = folder.read("home-a", fire.incident, kept.key)
        assert jpeg is not None and colour(jpeg)[2][0] > 200
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await record.close()
