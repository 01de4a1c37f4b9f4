"""The components of a Shelly of the second generation and later, as tables.

Source: shelly-api-docs.shelly.cloud/gen2 (Components: Smoke, Flood, DevicePower, Switch, PM1, EM, EM1, EMData,
Temperature, Humidity, Input, Voltmeter, Illuminance, Presence, BTHomeDevice), as kept in ioBroker.shelly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from devices.codec import DecodeError
from devices.draft import Draft
from devices.reading import Quality
from devices.values import read_boolean

Component = dict[str, Any]

_METER: Final = (
    ("apower", "power"),
    ("act_power", "power"),
    ("voltage", "voltage.a"),
    ("current", "current.a"),
    ("pf", "power_factor"),
    ("freq", "frequency"),
)
"""Quantities of one channel. Apparent power and what was returned are other quantities."""

_VOIDED: Final[dict[str, tuple[str, ...]]] = {
    "out_of_range:act_power": ("apower", "act_power", "pf"),
    "out_of_range:active_power": ("apower", "act_power", "pf"),
    "out_of_range:apower": ("apower", "act_power", "pf"),
    "out_of_range:aprt_power": ("pf",),
    "out_of_range:voltage": ("voltage",),
    "out_of_range:current": ("current",),
    "out_of_range:freq": ("freq",),
}
_METER_FAILED: Final = frozenset({"power_meter_failure"})
_OVERLOADS: Final = frozenset({"overpower", "overcurrent"})


def read_component(draft: Draft, kind: str, number: int, said: Component) -> None:
    """What one component says; a kind without a meaning for us (cloud, script, sys, …) says nothing."""
    reader = _READERS.get(kind)
    if reader is not None:
        reader(draft, number, said)


def _errors(draft: Draft, said: Component, key: str = "errors") -> frozenset[str]:
    """The errors that the component reports: they are a fault of the device, and some of its values are void."""
    listed = said.get(key)
    if listed is None:
        return frozenset()
    if not isinstance(listed, list):
        draft.refuse(DecodeError(key, "a list of words", listed))
        return frozenset()
    errors = frozenset(str(error) for error in listed[:32])
    draft.state("fault", bool(errors))
    if errors & _OVERLOADS:
        draft.state("current.alarm", True)
    return errors


def _void(errors: frozenset[str]) -> frozenset[str]:
    """The quantities that the errors make void."""
    if errors & _METER_FAILED:
        return frozenset(field for field, _ in _METER)
    return frozenset(field for error in errors for field in _VOIDED.get(error, ()))


def _meter(draft: Draft, said: Component, errors: frozenset[str]) -> None:
    void = _void(errors)
    for field, point in _METER:
        if field in said and field not in void:
            draft.number(field, said[field], point)
    energy = said.get("aenergy")
    if isinstance(energy, dict):
        draft.number("aenergy.total", energy.get("total"), "energy", 1.0, 1000.0)


def _output(draft: Draft, number: int, said: Component) -> None:
    """Switch and light: the output, its meter, the temperature of the device inside."""
    errors = _errors(draft, said)
    if number < 64:
        draft.boolean("output", said.get("output"), f"relay.{number + 1}")
    _meter(draft, said, errors)
    inside = said.get("temperature")
    if isinstance(inside, dict):
        draft.number("temperature.tC", inside.get("tC"), "device.temperature")


def _channel(draft: Draft, _: int, said: Component) -> None:
    _meter(draft, said, _errors(draft, said))


def _three_phases(draft: Draft, _: int, said: Component) -> None:
    """EM: three phases and the neutral. The sum of the currents is no residual current."""
    errors = _errors(draft, said)
    for phase in "abc":
        void = _void(errors | _errors(draft, said, f"{phase}_errors"))
        for field, quantity in (("current", "current"), ("voltage", "voltage"), ("act_power", "power")):
            if field not in void:
                draft.number(f"{phase}_{field}", said.get(f"{phase}_{field}"), f"{quantity}.{phase}")
        if "freq" not in void:
            draft.number(f"{phase}_freq", said.get(f"{phase}_freq"), "frequency")
    if not _errors(draft, said, "n_errors"):
        draft.number("n_current", said.get("n_current"), "current.n")
    if "act_power" not in _void(errors):
        draft.number("total_act_power", said.get("total_act_power"), "power")


def _energy(draft: Draft, _: int, said: Component) -> None:
    """EMData and EM1Data: watt-hours in all."""
    if not _errors(draft, said):
        draft.number("total_act", said.get("total_act"), "energy", 1.0, 1000.0)
        draft.number("total_act_energy", said.get("total_act_energy"), "energy", 1.0, 1000.0)


def _detector(point: str) -> Callable[[Draft, int, Component], None]:
    """Smoke and flood. With a fault in its probe a detector cannot say that all is well."""

    def read(draft: Draft, _: int, said: Component) -> None:
        errors = _errors(draft, said)
        alarm = said.get("alarm")
        if errors and alarm is False:
            draft.state(point, False, Quality.BAD)
        else:
            draft.boolean("alarm", alarm, point)
        draft.boolean("mute", said.get("mute"), "alarm.silenced")

    return read


def _device_power(draft: Draft, _: int, said: Component) -> None:
    _errors(draft, said)
    battery, external = said.get("battery"), said.get("external")
    if isinstance(battery, dict):
        draft.number("battery.percent", battery.get("percent"), "battery")
        draft.number("battery.V", battery.get("V"), "battery.voltage")
    if isinstance(external, dict):
        draft.boolean("external.present", external.get("present"), "power.mains")


def _one_level(field: str, point: str) -> Callable[[Draft, int, Component], None]:
    def read(draft: Draft, _: int, said: Component) -> None:
        if not _errors(draft, said):
            draft.number(field, said.get(field), point)

    return read


def _input(draft: Draft, number: int, said: Component) -> None:
    """An input's state; a button's is null, an analogue one has none."""
    state = said.get("state")
    if state is None or number > 63:
        return
    try:
        draft.state(f"input.{number + 1}", read_boolean("state", state))
    except DecodeError as error:
        draft.refuse(error)


def _presence(draft: Draft, _: int, said: Component) -> None:
    """A zone of the presence sensor: whether anybody is in it."""
    value = said.get("value", said.get("state"))
    if isinstance(value, bool):
        draft.state("presence", value)


def _bluetooth(draft: Draft, _: int, said: Component) -> None:
    draft.number("rssi", said.get("rssi"), "rssi")
    draft.number("battery", said.get("battery"), "battery")


def _wifi(draft: Draft, _: int, said: Component) -> None:
    """0 is no link."""
    if said.get("rssi") != 0:
        draft.number("rssi", said.get("rssi"), "rssi")


_READERS: Final[dict[str, Callable[[Draft, int, Component], None]]] = {
    "smoke": _detector("smoke.alarm"),
    "flood": _detector("water_leak.alarm"),
    "devicepower": _device_power,
    "switch": _output,
    "light": _output,
    "cct": _output,
    "rgb": _output,
    "rgbw": _output,
    "pm1": _channel,
    "em1": _channel,
    "cover": _channel,
    "em": _three_phases,
    "emdata": _energy,
    "em1data": _energy,
    "temperature": _one_level("tC", "temperature"),
    "humidity": _one_level("rh", "humidity"),
    "illuminance": _one_level("lux", "illuminance"),
    "input": _input,
    "presencezone": _presence,
    "bthomedevice": _bluetooth,
    "wifi": _wifi,
}

NUMBERED_POINTS: Final = frozenset({"input", "wifi"})
"""Kinds whose further components stay at the device's own address: their points are numbered or single."""

EVENTS: Final[dict[str, dict[str, tuple[str, bool]]]] = {
    "smoke": {
        "alarm": ("smoke.alarm", True),
        "alarm_off": ("smoke.alarm", False),
        "alarm_test": ("test", True),
    },
    "flood": {
        "alarm": ("water_leak.alarm", True),
        "alarm_off": ("water_leak.alarm", False),
        "cable_unplugged": ("fault", True),
        "cable_plugged": ("fault", False),
    },
}
"""Events of the detectors (NotifyEvent), which say the same as their status."""

PUSHES: Final = frozenset({"single_push", "double_push", "triple_push", "long_push", "hold_press", "long_double_push"})
"""Events of a button that are a person's intent; `btn_down` and `btn_up` are its edges."""
