"""The board is green only if everything is known and nothing is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.console.board import ROWS_MAX, HomeView, board_view, home_view
from gateway.console.parts import Health, LinkState
from gateway.console.texts import WORDS
from rules.alarm import Acknowledgement, Alarm, Category, Suppression, SuppressionKind
from rules.inputs import OperatorActed, Verb
from rules.text import Text
from tests.console_world import LIMIT, START, UP, Home, ShiftableClock, a_site, a_world

ZH, EN = WORDS["zh"], WORDS["en"]


@pytest.fixture
def home() -> Home:
    made = Home(a_site(), ShiftableClock())
    made.everybody_speaks()
    return made


def view(home: Home, health: Health = UP, words=EN) -> HomeView:
    return home_view(home.site, home.engine, health, home.clock.now(), words)


def count(seen: HomeView, category: Category) -> tuple[int, int]:
    tile = next(tile for tile in seen.tiles if tile.category is category)
    return tile.open, tile.unacknowledged


def test_green_when_all_is_heard_up_and_quiet(home: Home) -> None:
    seen = view(home)
    assert seen.normal
    assert seen.unknown == ()
    assert (seen.heard, seen.devices) == (6, 6)


def never_heard(home: Home) -> Health:
    home.engine.devices["gas-1"].heard_at = None
    return UP


def beyond_the_limit(home: Home) -> Health:
    home.clock.advance(LIMIT + timedelta(seconds=1))
    for device in home.site.devices[1:]:
        home.engine.devices[device.id].heard_at = home.clock.now()
    return UP


def silent_by_the_engine(home: Home) -> Health:
    home.engine.devices["gas-1"].silent = True
    return UP


def no_link_known(home: Home) -> Health:
    return Health()


def a_link_down(home: Home) -> Health:
    return Health(links=(*UP.links, LinkState("broker:b", False, START, "refused")))


def its_own_link_down(home: Home) -> Health:
    return Health(links=(*UP.links, LinkState("broker:b", False, START, home="jinlan")))


def no_device(home: Home) -> Health:
    home.engine.devices.clear()
    return UP


@pytest.mark.parametrize(
    "fault, words",
    [
        (never_heard, "1 devices never reported"),
        (beyond_the_limit, "1 devices silent beyond their limit"),
        (silent_by_the_engine, "1 devices silent beyond their limit"),
        (no_link_known, "state of the links not known"),
        (a_link_down, "link down: broker:b"),
        (its_own_link_down, "link down: broker:b"),
        (no_device, "no device is registered"),
    ],
    ids=lambda case: getattr(case, "__name__", ""),
)
def test_what_is_unknown_is_never_green(home: Home, fault, words: str) -> None:
    health = fault(home)
    seen = view(home, health)
    assert not seen.normal
    assert not seen.alarmed
    assert words in seen.unknown


def test_a_link_of_another_home_is_not_ours(home: Home) -> None:
    assert view(home, Health(links=(*UP.links, LinkState("broker:b", False, START, home="dajing")))).normal


def test_a_home_without_an_engine_is_dark_not_green(home: Home) -> None:
    seen = home_view(home.site, None, UP, home.clock.now(), EN)
    assert not seen.normal
    assert seen.unknown == ("no data of this home",)


def test_exactly_at_its_limit_a_device_is_still_heard(home: Home) -> None:
    home.clock.advance(LIMIT)
    assert view(home).normal


def test_a_suppressed_alarm_is_counted_apart_and_not_green(home: Home) -> None:
    home.say("smoke-1", smoke__alarm=True)
    (alarm_id,) = home.engine.alarms
    alarm = home.engine.alarms[alarm_id]
    home.engine.alarms[alarm_id] = replace(
        alarm, suppression=Suppression(SuppressionKind.OUT_OF_SERVICE, START + timedelta(hours=1), "repair")
    )
    seen = view(home)
    assert (seen.suppressed, count(seen, Category.FIRE)) == (1, (0, 0))
    assert not seen.normal
    assert seen.rows[-1].suppressed
    assert not seen.rows[-1].sounding


def test_alarms_are_counted_and_put_in_the_order_of_a_fire_panel(home: Home) -> None:
    home.say("meter-1", current__residual=512.0)
    home.say("sos-1", sos__alarm=True)
    home.say("gas-1", gas__alarm=True)
    home.say("smoke-1", smoke__alarm=True)
    home.say("smoke-2", smoke__alarm=True)
    seen = view(home)
    assert [row.category.value for row in seen.rows] == ["fire", "gas", "person", "electrical"]
    assert count(seen, Category.FIRE) == (2, 2)
    assert seen.rows[0].count == 2
    assert seen.rows[0].confirmed
    assert seen.rows[0].sounding
    assert seen.rows[3].value == "512 mA"
    assert seen.rows[0].value == ""
    assert seen.worst is Category.FIRE


@pytest.mark.parametrize("verb", [Verb.ACKNOWLEDGE, Verb.SILENCE])
def test_a_fire_taken_on_or_silenced_no_longer_sounds(home: Home, verb: Verb) -> None:
    home.say("smoke-1", smoke__alarm=True)
    home.step(lambda at: OperatorActed(at=at, person="p-wang", verb=verb, target=home.incident))
    (row,) = view(home).rows
    assert not row.sounding
    assert row.acknowledged is (verb is Verb.ACKNOWLEDGE)
    assert row.taken_by == ("王护工" if verb is Verb.ACKNOWLEDGE else "")


def test_who_took_an_alarm_of_its_own(home: Home) -> None:
    home.engine.alarms["x"] = Alarm(
        id="x",
        rule="r",
        subject="link:broker",
        zone="gateway",
        category=Category.TROUBLE,
        priority=3,
        title=Text("链路", "Link"),
        raised_at=START,
        acknowledged=Acknowledgement("account:duty", START),
    )
    (row,) = view(home).rows
    assert (row.taken_by, row.place) == ("duty", "the gateway itself · link:broker")


def test_lamps_say_nothing_where_no_device_tells(home: Home) -> None:
    seen = view(home)
    assert (seen.testing, seen.feedback) == (None, None)
    home.engine.devices["smoke-1"].values.update({"test": True, "relay.1": False})
    seen = view(home)
    assert (seen.testing, seen.feedback) == (1, 0)


def test_a_silent_device_tells_nothing_to_the_lamps(home: Home) -> None:
    home.engine.devices["smoke-1"].values["test"] = True
    home.engine.devices["smoke-1"].silent = True
    assert view(home).testing is None


def test_the_sum_over_homes_is_green_only_if_all_are(tmp_path: Path) -> None:
    world = a_world(tmp_path, [a_site(), a_site("dajing")])
    seen = [view(home) for home in world.homes.values()]
    assert board_view(seen).normal
    assert board_view(seen).total("devices") == 12
    world.homes["dajing"].engine.devices["gas-1"].heard_at = None
    seen = [view(home) for home in world.homes.values()]
    assert not board_view(seen).normal
    assert not board_view([]).normal


def test_rows_beyond_the_bound_are_counted(home: Home) -> None:
    home.say("smoke-1", smoke__alarm=True)
    (row,) = view(home).rows
    many = replace(view(home), rows=(row,) * (ROWS_MAX + 3))
    assert (len(board_view([many]).rows), board_view([many]).rows_left_off) == (ROWS_MAX, 3)


def test_the_first_unacknowledged_alarm_stays_on_top(home: Home) -> None:
    home.say("smoke-1", smoke__alarm=True)
    first = home.incident
    home.step(lambda at: OperatorActed(at=at, person="p-wang", verb=Verb.ACKNOWLEDGE, target=first))
    home.clock.advance(timedelta(seconds=5))
    home.engine.site = home.site
    other = replace(home.engine.incidents[first], id="later", zone="kitchen", acknowledged_at=None, acknowledged_by="")
    home.engine.incidents["later"] = other
    assert [row.id for row in view(home).rows] == ["later", first]
