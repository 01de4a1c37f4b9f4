"""The acknowledge button on a wall: its zone's incidents are taken on by a press, and nothing more."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from devices.catalog import PROFILES
from devices.means import meant, told, why_not
from devices.reading import Quality, Reading, Report, Value
from gateway.console.board import person_words
from gateway.deliver.wording import compose
from rules.alarm import Category
from rules.condition import Equals
from rules.effects import AlarmChanged, Change, Refused, StopNotifying
from rules.engine import Engine
from rules.inputs import ReadingsArrived
from rules.rule import Select
from rules.site import Device
from rules.text import Text
from tests.deliver_world import START, incident, notify
from tests.unit.engine_world import RULES, SITE, World, rule


def button(name: str = "wall", zone: str = "ward", kind: str = "acknowledge_button") -> Device:
    return Device(id=name, kind=kind, source="test", address=name, zone=zone, name=Text(name))


def world(*devices: Device) -> World:
    return World(replace(SITE, devices=(*SITE.devices, *(devices or (button(),)))))


def presses(w: World, value: Value = "single", point: str = "button", device: str = "wall", **more: object) -> list:
    report = Report(device, (Reading(point, value, more.pop("quality", Quality.GOOD)),))
    return list(w.step(ReadingsArrived(at=w.at, source="test", reports=(report,), **more)))


def holds(w: World, value: bool, device: str = "wall", **more: object) -> list:
    return presses(w, value, "acknowledge.pressed", device, **more)


def taken_by(w: World) -> list[str]:
    return [incident.acknowledged_by for incident in w.engine.incidents.values()]


def smoke_in(w: World, zone: str) -> None:
    w.spoke(next(device.id for device in w.site.devices if device.zone == zone and device.kind == "smoke"), smoke=True)


def test_a_press_takes_the_zones_incident_on() -> None:
    w = world()
    smoke_in(w, "ward")
    effects = presses(w)
    assert taken_by(w) == ["button:wall"]
    assert [effect.by for effect in effects if isinstance(effect, AlarmChanged)] == ["button:wall"]
    assert any(isinstance(effect, StopNotifying) for effect in effects)


def test_a_press_gives_no_verdict_and_resets_nothing() -> None:
    w = world()
    smoke_in(w, "ward")
    for _ in range(3):
        effects = presses(w)
    (incident,) = w.engine.incidents.values()
    (alarm,) = w.engine.alarms.values()
    assert incident.verdict is None
    assert (alarm.active, alarm.latched) == (True, True)
    assert effects == []


def test_another_zones_incident_is_left_alone() -> None:
    w = world(button(zone="hall"))
    smoke_in(w, "ward")
    assert presses(w) == []
    assert taken_by(w) == [""]


def test_the_incident_after_it_needs_another_press() -> None:
    w = world()
    presses(w)
    smoke_in(w, "ward")
    assert taken_by(w) == [""]
    presses(w)
    assert taken_by(w) == ["button:wall"]


WORDS = [
    pytest.param("single", True, id="single"),
    pytest.param("short press", True, id="short_press"),
    pytest.param("hold", True, id="held"),
    pytest.param("", False, id="nothing"),
    pytest.param("release", False, id="release"),
    pytest.param("hold_release", False, id="hold_release"),
    pytest.param("Released_Up", False, id="up"),
    pytest.param(True, False, id="no_word"),
]


@pytest.mark.parametrize(("word", "counts"), WORDS)
def test_a_word_is_a_press_unless_it_tells_a_release(word: Value, counts: bool) -> None:
    w = world()
    smoke_in(w, "ward")
    presses(w, word)
    assert taken_by(w) == ["button:wall" if counts else ""]


def test_a_contact_counts_when_it_closes() -> None:
    w = world()
    holds(w, False)
    smoke_in(w, "ward")
    holds(w, True)
    assert taken_by(w) == ["button:wall"]


def test_a_stuck_contact_takes_nothing_on() -> None:
    w = world()
    holds(w, True)
    smoke_in(w, "ward")
    holds(w, True)
    assert taken_by(w) == [""]


def test_a_contact_that_was_never_open_takes_nothing_on() -> None:
    w = world()
    smoke_in(w, "ward")
    holds(w, True)
    assert taken_by(w) == [""]


def test_devices_under_the_same_rules_do_not_take_its_place() -> None:
    w = world(button("door", kind="door"), button())
    smoke_in(w, "ward")
    presses(w)
    assert taken_by(w) == ["button:wall"]


def test_a_rule_about_another_kinds_button_makes_no_acknowledge_button_of_it() -> None:
    device = button(kind="sos")
    watched = rule("pressed", Equals(point="button", value="single"), Category.PERSON, select=Select(kinds=("sos",)))
    w = World(replace(SITE, devices=(*SITE.devices, device)), (*RULES, watched))
    smoke_in(w, "ward")
    presses(w)
    assert set(taken_by(w)) == {""}


def test_a_contact_found_closed_is_no_press() -> None:
    w = world()
    smoke_in(w, "ward")
    holds(w, False)
    holds(w, True, retained=True)
    assert taken_by(w) == [""]


def test_a_contact_remembers_over_a_restart() -> None:
    w = world()
    holds(w, False)
    smoke_in(w, "ward")
    w.engine = Engine.restore(w.engine.snapshot())
    holds(w, True)
    assert taken_by(w) == ["button:wall"]


def test_a_bad_reading_is_no_press() -> None:
    w = world()
    smoke_in(w, "ward")
    presses(w, quality=Quality.BAD)
    assert set(taken_by(w)) == {""}


OTHERS = [
    pytest.param(button(kind="sos"), id="an_sos_button"),
    pytest.param(button(kind="door"), id="another_kind"),
]


@pytest.mark.parametrize("device", OTHERS)
def test_only_a_button_of_its_kind_acknowledges(device: Device) -> None:
    w = world(device)
    smoke_in(w, "ward")
    presses(w)
    holds(w, False)
    holds(w, True)
    assert taken_by(w) == [""]


def test_an_unregistered_button_acknowledges_nothing() -> None:
    w = world()
    smoke_in(w, "ward")
    presses(w, unregistered=True)
    assert taken_by(w) == [""]


def test_somebody_who_was_there_first_stays_who_took_it_on() -> None:
    w = world()
    smoke_in(w, "ward")
    (incident,) = w.engine.incidents
    w.acknowledges(incident)
    effects = presses(w)
    assert taken_by(w) == ["carer"]
    assert not any(isinstance(effect, Refused) for effect in effects)


def test_a_new_detector_after_the_press_calls_again() -> None:
    w = world()
    smoke_in(w, "ward")
    presses(w)
    others = [device.id for device in w.site.devices if device.zone == "ward" and device.kind == "smoke"]
    effects = w.spoke(others[1], smoke=True)
    assert any(isinstance(effect, AlarmChanged) and effect.change is Change.RAISED for effect in effects)
    presses(w)
    assert all(alarm.acknowledged is not None for alarm in w.engine.alarms.values())


def test_a_contact_can_be_wired_to_any_input_of_the_kind() -> None:
    assert why_not("input.1", meant("acknowledge.pressed")) == ""
    report = told(Report("wall", (Reading("input.1", False),)), {"input.1": meant("not acknowledge.pressed")})
    assert report.readings == (Reading("acknowledge.pressed", True),)
    assert "acknowledge.pressed" in PROFILES["acknowledge_button"].points
    assert PROFILES["acknowledge_button"].category == ""


def test_people_read_the_buttons_name() -> None:
    site = replace(SITE, devices=(replace(button(), room="201", name=Text("东区确认按钮", "East button")),))
    assert person_words(site, "button:wall") == "201 东区确认按钮"
    assert person_words(site, "button:gone") == "button:gone"
    taken = incident(acknowledged_by="button:wall", acknowledged_at=START)
    over = replace(notify("m1"), purpose="over", incident=taken)
    assert compose(over, site, "").lines[-1] == "201 东区确认按钮已接手处理。"
