"""When cameras are asked, what their answers come to, and what it costs: on a clock that only moves when told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from devices.picture import Look
from devices.reading import Quality
from gateway.clock import Clock
from gateway.receive.picture import Judged
from gateway.receive.rtsp import Outcome, Probe, Target
from gateway.receive.video import OFF_LINE_MISSED, TALKING_MAX
from rules.inputs import ReadingsArrived
from tests.deliver_world import ManualClock
from tests.video_world import World, camera

DEAD = Probe(Outcome.DEAD, "no connection: Connection refused")
STALLED = Probe(Outcome.STALLED, "it answers, but no video came")
WRONG = Probe(
    Outcome.REFUSED, "RTSP 401 Unauthorized: it refuses our password", password_refused=True, misconfigured=True
)
WITHHELD = Probe(Outcome.REFUSED, "RTSP 401 Unauthorized: it asks for a password", misconfigured=True)


class Cameras:
    """Cameras that answer as told. `takes` is how long one conversation takes."""

    def __init__(self, takes: float = 0.0) -> None:
        self.answer: Probe | Callable[[Target], Probe] | None = None
        self.takes = takes
        self.asked: list[tuple[float, str, bool]] = []
        self.talking = self.talking_most = 0

    async def __call__(
        self, target: Target, clock: Clock, nonce: Callable[[], str], *, key_frame: bool = False, talking: Any = None
    ) -> Probe:
        if not key_frame:
            self.asked.append((clock.monotonic(), target.address.url, target.credentials is not None))
        answer = self.answer(target) if callable(self.answer) else self.answer
        if talking is None:
            return answer or Probe(Outcome.LIVE, "", clock.monotonic(), key_frame=b"key", encoding="H264")
        if answer is not None and answer.outcome is Outcome.DEAD:
            await clock.sleep(self.takes)
            return answer
        async with talking():
            self.talking += 1
            self.talking_most = max(self.talking_most, self.talking)
            await clock.sleep(self.takes)
            self.talking -= 1
            return answer or Probe(Outcome.LIVE, "", clock.monotonic())


class Looks:
    """A picture reader that sees what it is told, at the cost it is told."""

    def __init__(self, *looks: Look | None, cpu_s: float = 0.0) -> None:
        self.looks = list(looks)
        self.cpu_s = cpu_s
        self.count = 0

    async def look(self, encoding: str, key_frame: bytes) -> Judged:
        self.count += 1
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return Judged(self.cpu_s, found, "" if found else "the picture reader failed", found is None)

    async def aclose(self) -> None:
        return


BLACK = Look(16.0, 0.0, "b")
STILL = Look(120.0, 30.0, "s")


def moving() -> list[Look]:
    return [Look(120.0, 30.0, str(number)) for number in range(1000)]


def world(cameras: Cameras, clock: ManualClock, looks: Looks | None = None, **setting: Any) -> World:
    setting.setdefault("probe_s", 60.0)
    return World([camera(**setting)], clock, talk=cameras, reader=looks or Looks(*moving()))


async def test_a_camera_whose_frames_come_is_on_line() -> None:
    clock, cameras = ManualClock(), Cameras(takes=0.6)
    async with world(cameras, clock, blank_check=False).running() as home:
        await clock.advance(181)
        assert home.readings("video.online") == [True] * 4
        assert home.readings("video.frame_age") == [0.0] * 4
        assert [at for at, _, _ in cameras.asked] == [0, 60, 120, 180]


async def test_off_line_after_three_missed_probes_and_not_before() -> None:
    clock, cameras = ManualClock(), Cameras()
    async with world(cameras, clock, blank_check=False).running() as home:
        await clock.advance(1)
        cameras.answer = DEAD
        await clock.advance(60 * (OFF_LINE_MISSED - 1))
        assert home.readings("video.online") == [True]
        assert home.readings("video.frame_age") == [0.0, 60.0, 120.0]
        await clock.advance(60)
        assert home.readings("video.online") == [True, False]
        assert len(home.readings("video.frame_age")) == 3, "one alarm for a camera that is gone, not two"
        assert home.events()[-1] == {"type": "camera_off_line", "reason": "no connection: Connection refused"}


async def test_an_off_line_camera_is_asked_less_often_but_reports_within_its_silence_limit() -> None:
    clock, cameras = ManualClock(), Cameras()
    cameras.answer = DEAD
    async with world(cameras, clock, blank_check=False).running() as home:
        await clock.advance(120 + 3 * 120)
        assert [at for at, _, _ in cameras.asked] == [0, 60, 120, 240, 360, 480]
        assert home.readings("video.online") == [False] * 4
        cameras.answer = None
        await clock.advance(120)
        assert home.readings("video.online")[-1] is True
        await clock.advance(60)
        assert cameras.asked[-1][0] == 660


async def test_one_answer_between_starts_the_count_anew() -> None:
    clock, cameras = ManualClock(), Cameras()
    answers = iter([DEAD, DEAD, None, DEAD, DEAD, None])
    async with world(cameras, clock, blank_check=False).running() as home:
        for answer in answers:
            cameras.answer = answer
            await clock.advance(0 if cameras.asked == [] else 60)
        assert home.readings("video.online") == [True, True]


async def test_a_camera_that_answers_without_frames_is_on_line_with_an_old_picture() -> None:
    clock, cameras = ManualClock(), Cameras()
    async with world(cameras, clock, blank_check=False).running() as home:
        await clock.advance(1)
        cameras.answer = STALLED
        await clock.advance(240)
        assert home.readings("video.frame_age") == [0.0, 60.0, 120.0, 180.0, 240.0]
        assert set(home.readings("video.online")) == {True}


async def test_the_age_of_a_picture_that_was_never_seen_is_a_marked_lower_bound() -> None:
    clock, cameras = ManualClock(), Cameras()
    cameras.answer = STALLED
    async with world(cameras, clock, blank_check=False).running() as home:
        await clock.advance(61)
        found = [r for one in home.hear() if isinstance(one, ReadingsArrived) for r in one.reports[0].readings]
        assert [(r.value, r.quality) for r in found if r.point == "video.frame_age"] == [
            (0.0, Quality.SUSPECT),
            (60.0, Quality.SUSPECT),
        ]


async def test_a_wrong_password_is_a_trouble_of_a_living_camera_and_is_not_repeated() -> None:
    clock, cameras = ManualClock(), Cameras()
    cameras.answer = lambda target: WRONG if target.credentials else WITHHELD
    async with world(cameras, clock, blank_check=False, username="u").running() as home:
        await clock.advance(1795)
        assert home.readings("video.online") == [True] * 30
        assert home.readings("video.frame_age") == []
        assert home.troubles("camera:cam") == [(False, WRONG.detail)]
        assert [given for _, _, given in cameras.asked] == [True] + [False] * 29
        await clock.advance(60)
        assert cameras.asked[-1][2], "tried again after half an hour"
        cameras.answer = None
        await clock.advance(1860)
        assert home.troubles("camera:cam") == [(False, WRONG.detail), (True, "frames can be asked for")]
        assert home.states["camera:cam"] == (True, "")


async def test_a_trouble_left_from_before_a_restart_is_cleared_by_the_first_frames() -> None:
    clock, cameras = ManualClock(), Cameras()
    async with world(cameras, clock, blank_check=False).running() as home:
        await clock.advance(121)
        assert home.troubles("camera:cam") == [(True, "frames can be asked for")]


@pytest.mark.parametrize("dead", [False, True], ids=["living", "dead"])
async def test_two_hundred_cameras_are_asked_in_time_and_few_talk_at_once(dead: bool) -> None:
    """Dead: a switch lost its power; each connection takes its 2 s, and all are off line three minutes later."""
    clock, cameras = ManualClock(), Cameras(takes=2.0 if dead else 1.0)
    cameras.answer = DEAD if dead else None
    spread = iter([number / 200 for number in range(200)])
    settings = [camera(f"cam-{n}", f"rtsp://10.0.0.1/{n}", probe_s=60.0, blank_check=False) for n in range(200)]
    home = World(settings, clock, talk=cameras, reader=Looks(STILL), jitter=lambda: next(spread, 0.5))
    async with home.running():
        await clock.advance(183)
        asked = [sum(1 for _, url, _ in cameras.asked if url.endswith(f"/{n}")) for n in range(200)]
        assert min(asked) >= 3 and max(asked) <= 4
        assert cameras.talking_most <= TALKING_MAX
        if dead:
            assert all(home.readings("video.online", f"cam-{n}")[0] is False for n in range(200))


async def test_cameras_that_come_at_once_talk_in_turns() -> None:
    clock, cameras = ManualClock(), Cameras(takes=1.0)
    settings = [camera(f"cam-{n}", probe_s=60.0, blank_check=False) for n in range(40)]
    home = World(settings, clock, talk=cameras, reader=Looks(STILL))
    async with home.running():
        await clock.advance(6)
        assert cameras.talking_most == TALKING_MAX
        assert all(home.readings("video.online", f"cam-{n}") == [True] for n in range(40))


async def test_a_full_inbox_holds_up_the_questions_and_drops_no_answer() -> None:
    clock, cameras = ManualClock(), Cameras()
    home = world(cameras, clock, blank_check=False)
    home.inbox._bytes_max = 300
    async with home.running():
        await clock.advance(600)
        assert 0 < len(cameras.asked) <= 3
        before = len(cameras.asked)
        home.hear()
        await clock.advance(60)
        assert len(cameras.asked) > before


async def test_a_camera_that_was_taken_out_of_the_site_is_not_asked() -> None:
    clock, cameras = ManualClock(), Cameras()
    home = world(cameras, clock, blank_check=False)
    async with home.running():
        await clock.advance(1)
        home.inventory._known.clear()
        await clock.advance(300)
        assert len(cameras.asked) == 1


# pictures


async def test_black_is_told_after_a_second_look_a_minute_later() -> None:
    clock, looks = ManualClock(), Looks(BLACK, BLACK, STILL)
    async with world(Cameras(), clock, looks, blank_check=True, blank_every_s=600.0).running() as home:
        await clock.advance(601)
        assert (looks.count, home.readings("video.blank")) == (1, [])
        await clock.advance(62)
        assert (looks.count, home.readings("video.blank")) == (2, [True])
        assert home.events()[-1]["type"] == "picture_black"
        await clock.advance(605)
        assert home.readings("video.blank") == [True, False]


async def test_frozen_is_told_at_the_third_look() -> None:
    clock = ManualClock()
    async with world(Cameras(), clock, Looks(STILL), blank_check=True, blank_every_s=600.0).running() as home:
        await clock.advance(2000)
        assert home.readings("video.blank") == [False, False, True]
        assert home.events()[-1]["type"] == "picture_frozen"


async def test_a_picture_reader_that_fails_is_a_trouble_of_the_gateway_and_says_nothing_of_a_camera() -> None:
    clock = ManualClock()
    looks = Looks(None, None, STILL)
    async with world(Cameras(), clock, looks, blank_check=True, blank_every_s=600.0).running() as home:
        await clock.advance(1300)
        assert home.readings("video.blank") == []
        assert home.troubles("video-pictures") == [(False, "the picture reader failed")]
        await clock.advance(610)
        assert home.troubles("video-pictures")[-1][0] is True


async def test_cameras_that_are_not_there_are_not_looked_at() -> None:
    clock, cameras, looks = ManualClock(), Cameras(), Looks(STILL)
    cameras.answer = DEAD
    async with world(cameras, clock, looks, blank_check=True, blank_every_s=600.0).running():
        await clock.advance(3000)
        assert looks.count == 0


async def test_looking_keeps_its_budget() -> None:
    """At 2 s of a core a picture, 200 cameras would take 67 % of it: the looks become rarer instead."""
    clock, looks = ManualClock(), Looks(*moving(), cpu_s=2.0)
    settings = [camera(f"cam-{n}", probe_s=60.0, blank_check=True, blank_every_s=600.0) for n in range(200)]
    home = World(settings, clock, talk=Cameras(), reader=looks)
    async with home.running():
        await clock.advance(1200)
        assert 50 <= looks.count <= 61
        assert looks.count * looks.cpu_s <= 0.1 * 1200 + looks.cpu_s
