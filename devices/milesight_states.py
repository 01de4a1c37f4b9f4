"""Milesight's spelling of what its devices say (Milesight-IoT/SensorDecoders@e79c9d8, 27889a8, 6204b5d, 2142aa7).

The decoders print snake_case properties with words for states. What one word means can hang on its neighbours:
`current` is in amperes on a current transformer (CT10x) and in milliamperes on a socket (WS52x).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from devices.codec import DecodeError
from devices.lorawan_meanings import Meaning, Saying, number, state, words
from devices.milesight import find_model
from devices.values import TEXT_MAX, canonical_state, read_number

ALARMS_MAX: Final = 64
"""A radar never reports more alarms than this in one frame."""

_ALARM_WORDS: Final = ("threshold alarm", "temperature threshold alarm", "threshold", "abnormal")
_RELEASE_WORDS: Final = ("threshold alarm release", "temperature threshold alarm release", "threshold release")
_HEAT: Final = state("heat.alarm", _ALARM_WORDS, _RELEASE_WORDS)
_HEAT_OF_PROBE: Final = words({**_HEAT.words, **dict.fromkeys(("mutation", "mutation alarm"), ())})
"""A mutation is a quick change, up or down: no heat by itself."""
_THRESHOLDS: Final[dict[str, tuple[str, Meaning]]] = {
    "temperature_alarm": ("temperature", _HEAT),
    "temperature_abnormal": ("temperature", _HEAT),
    **{f"temperature_chn{n}_alarm": (f"temperature_chn{n}", _HEAT_OF_PROBE) for n in (1, 2)},
}
"""Alarms of a threshold, above or below, that the installer set; and the temperature that tells which."""
_HEAT_GUARDS: Final = ("ws203", "ct", "ts")
"""Models whose threshold guards a room or a cabinet against heat; on all others it guards a climate or a fridge."""
_NO_HEAT_BELOW: Final = 20.0
"""°C (a design number). Below it nothing is hot: the threshold was crossed downwards, or is a fridge's."""

_SENSOR: Final = words(
    {
        False: (("fault", False),),
        "read failed": (("fault", True),),
        "device error": (("fault", True),),
        "over range alarm": (("fault", True),),
        "polarizing": (),
    },
    held=True,
)

MILESIGHT: Final[dict[str, Meaning]] = {
    "magnet_status": state("door.open", ("open", "opened"), ("close", "closed")),
    "tamper_status": state("tamper", ("uninstalled", "triggered", "removed"), ("installed",)),
    "leakage_status": state("water_leak.alarm", ("leak", "leakage"), ("no leak",)),
    **dict.fromkeys(("pir", "pir_status"), state("motion", ("trigger", "occupied"), ("idle", "vacant"))),
    "gas_status": state("gas.alarm"),
    "nh3": number("nh3.ppm"),
    "h2s": number("h2s.ppm"),
    **dict.fromkeys(("nh3_sensor_status", "h2s_sensor_status", "temperature_sensor_status"), _SENSOR),
    **dict.fromkeys(("current_sensor_status", *(f"current_chn{n}_sensor_status" for n in (1, 2, 3))), _SENSOR),
    **{f"temperature_chn{n}": number(f"cable_temp.{n}") for n in (1, 2)},
    **{f"magnet_chn{n}": state(f"input.{n}", ("close", "closed"), ("open", "opened")) for n in (1, 2)},
    **{f"current_chn{n}": number(f"current.{phase}") for n, phase in enumerate("abc", 1)},
    "low_voltage_alarm.alarm_type": words({"low voltage alarm": (("battery.low", True),)}),
    "socket_status": state("relay.1"),
    **{f"switch_{n}": state(f"relay.{n}") for n in range(1, 9)},
    "relay_output_status": state("relay.1"),
    "power_outage_alarm": words({"power outage": (("power.mains", False),), False: (("power.mains", True),)}),
    **{f"gpio_input_{n}": state(f"input.{n}", ("high",), ("low",)) for n in range(1, 9)},
    **{f"gpio_output_{n}": state(f"relay.{n}", ("high",), ("low",)) for n in range(1, 9)},
    "gpio": state("input.1", ("high",), ("low",)),
    "detection_status": words(
        {
            False: (("fall.alarm", False), ("presence", True)),
            "vacant": (("fall.alarm", False), ("presence", False)),
            "in bed": (("fall.alarm", False), ("presence", True), ("out_of_bed.alarm", False)),
            "out of bed": (("fall.alarm", False), ("out_of_bed.alarm", True)),
            "fall": (("fall.alarm", True), ("presence", True)),
        }
    ),
}
"""`detection_status` normal is somebody there and well (VS373; vacant is a word of its own)."""

BOOKKEEPING: Final = frozenset(
    {
        *("ipso_version", "hardware_version", "firmware_version", "tsl_version", "sn", "lorawan_class", "reset_event"),
        *("device_status", "history", "report_interval", "reporting_interval", "collection_interval", "timestamp"),
        *("time_zone", "reboot", "report_status", "query_device_status", "led_indicator_enable", "buzzer_enable"),
    }
)
"""Known, and nothing of now: versions, settings that a downlink's answer repeats, and history."""

_SOCKET: Final = frozenset({"socket_status", "active_power", "power_consumption", "power_factor"})
_TRANSFORMER: Final = frozenset({"total_current", "current_max", "current_min", "current_alarm", "temperature"})
_GS101_STATES: Final[dict[str, tuple[tuple[str, bool], ...]]] = {
    "power off": (("power.mains", False),),
    "power on": (("power.mains", True),),
    "device fault": (("fault", True),),
    "device fault recovered": (("fault", False),),
    "device will be invalid soon": (),
    "device invalid": (("fault", True),),
}
_SMOKE_EVENTS: Final[dict[str, tuple[tuple[str, bool], ...]]] = {
    "alarm": (("smoke.alarm", True),),
    "silent": (("smoke.alarm", True), ("alarm.silenced", True)),
    "low battery": (("battery.low", True),),
    "failover": (("fault", True),),
    "normal": (("smoke.alarm", False),),
    "removed": (("tamper", True),),
    "installed": (("tamper", False),),
    "testing alarm with normal battery": (("smoke.alarm", False), ("test", True)),
    "testing alarm with low battery": (("smoke.alarm", False), ("test", True), ("battery.low", True)),
}
"""GS524N. A silenced alarm is still an alarm; a test contains the word alarm and is none."""
_SMOKE_HELD: Final = ("test", "alarm.silenced", "battery.low", "fault")

_RADAR_ALARMS: Final = {
    "fall": "fall.alarm",
    "lying": "fall.suspected",
    "out of bed": "out_of_bed.alarm",
    "occupied": "presence",
}
_TRIGGERED: Final = frozenset({"1", "alarm triggered", "triggered"})
_OVER: Final = frozenset({"2", "3", "alarm deactivated", "alarm ignored", "deactivated", "ignored"})


def read_milesight(saying: Saying, flat: Mapping[str, Any], model: str) -> None:
    """What no table can say: a word whose meaning hangs on its neighbours, and lists of alarms."""
    if "event" in flat and (flat.get("type") == "smoke sensor" or "concentration" in flat or "gs524" in model):
        _smoke_event(saying, flat)
    if "button_event.status" in flat:
        _button(saying, flat["button_event.status"], is_call="sos" in model)
    if "current" in flat or not _SOCKET.isdisjoint(flat):
        _electrical(saying, flat, model)
    if "occupancy" in flat:
        _occupancy(saying, flat, model)
    if isinstance(flat.get("alarm"), str) and flat["alarm"] in _GS101_STATES:
        saying.understood += 1
        for point, value in _GS101_STATES[flat["alarm"]]:
            saying.say(point, value)
    if isinstance(flat.get("illuminance"), (int, float)) and not isinstance(flat["illuminance"], bool):
        _number(saying, "illuminance", flat["illuminance"], "illuminance")
    saying.understood += len(BOOKKEEPING.intersection(flat))
    for name in _THRESHOLDS.keys() & flat.keys():
        if flat[name] is not None:
            _threshold(saying, flat, name, model)
    _current_alarms(saying, flat)
    _radar(saying, flat)


def _threshold(saying: Saying, flat: Mapping[str, Any], name: str, model: str) -> None:
    """A temperature beyond a threshold: heat where the model guards against it and it is not cold, else an event."""
    beside, meaning = _THRESHOLDS[name]
    brand = find_model(model)
    word = canonical_state(flat[name])
    said = meaning.words.get(word.replace("_", " ") if isinstance(word, str) else word) if word is not None else None
    temperature = flat.get(beside)
    is_cold = isinstance(temperature, (int, float)) and temperature < _NO_HEAT_BELOW
    if (brand and not brand.startswith(_HEAT_GUARDS)) or (is_cold and said == (("heat.alarm", True),)):
        saying.understood += 1
        state_said = flat[name] if isinstance(flat[name], str) else f"{word}"
        saying.note({"type": "alarm", "alarm": "temperature threshold", "state": state_said[:TEXT_MAX]})
    else:
        saying.read({name: flat[name]}, {name: meaning})


def _smoke_event(saying: Saying, flat: Mapping[str, Any]) -> None:
    saying.understood += 1
    said = flat["event"]
    word = said.strip().lower() if isinstance(said, str) else ""
    if word not in _SMOKE_EVENTS:
        error = DecodeError("event", "one of " + ", ".join(_SMOKE_EVENTS), said)
        saying.ignore("event", error, danger=said is not None)
        return
    states = dict(_SMOKE_EVENTS[word])
    for point, value in states.items():
        if point not in _SMOKE_HELD:
            saying.say(point, value)
    for point in _SMOKE_HELD:
        if point in states or word in ("alarm", "normal") or (point == "test" and "testing" not in word):
            saying.hold(point, "event", states.get(point, False))
    if "concentration" in flat and flat["concentration"] is not None:
        _number(saying, "concentration", flat["concentration"], "smoke.density")


def _number(saying: Saying, name: str, value: Any, point: str, per: float = 1.0) -> None:
    saying.understood += 1
    try:
        saying.number(point, read_number(name, value) / per)
    except DecodeError as error:
        saying.ignore(name, error)


def _button(saying: Saying, said: Any, *, is_call: bool) -> None:
    """A press is a moment: an event, and the call itself on the red variant (the model's name says SOS)."""
    saying.understood += 1
    if not isinstance(said, str) or not said.strip():
        saying.ignore(
            "button_event.status", DecodeError("button_event.status", "a kind of press", said), danger=is_call
        )
        return
    saying.note({"type": "button", "press": said.strip()[:TEXT_MAX]})
    if is_call:
        saying.say("sos.alarm", True)


def _electrical(saying: Saying, flat: Mapping[str, Any], model: str) -> None:
    """A socket (mA, Wh, power factor in per cent) or a current transformer (A): nothing without knowing which."""
    is_socket = not _SOCKET.isdisjoint(flat) or model.startswith(("ws52", "ws50"))
    is_transformer = not _TRANSFORMER.isdisjoint(flat) or model.startswith("ct")
    current = flat.get("current")
    if current is not None:
        if is_socket:
            _number(saying, "current", current, "current.a", 1000.0)
        elif is_transformer:
            _number(saying, "current", current, "current.a")
        else:
            saying.understood += 1
            error = DecodeError("current", "a model or a neighbour that tells A from mA", current)
            saying.ignore("current", error)
    if not is_socket:
        return
    for name, point, per in (
        ("voltage", "voltage.a", 1.0),
        ("active_power", "power", 1.0),
        ("power_consumption", "energy", 1000.0),
        ("power_factor", "power_factor", 100.0),
    ):
        if flat.get(name) is not None:
            _number(saying, name, flat[name], point, per)


def _occupancy(saying: Saying, flat: Mapping[str, Any], model: str) -> None:
    """A PIR sensor (WS203: with temperature and humidity) sees motion, a radar (VS370) sees presence."""
    saying.understood += 1
    said = canonical_state(flat["occupancy"])
    if said in ("occupied", True) or said in ("vacant", False):
        is_motion = "temperature" in flat or "humidity" in flat or model.startswith(("ws20", "vs34", "gs601"))
        saying.say("motion" if is_motion else "presence", said in ("occupied", True))
    elif said is not None:
        saying.ignore("occupancy", DecodeError("occupancy", "occupied or vacant", flat["occupancy"]))


def _current_alarms(saying: Saying, flat: Mapping[str, Any]) -> None:
    """Threshold and range alarms of one transformer (CT10x), or of each of three (CT3xx)."""
    for name in ("current_alarm", "current_chn1_alarm", "current_chn2_alarm", "current_chn3_alarm"):
        said = [flat.get(f"{name}.current_{kind}_alarm") for kind in ("threshold", "over_range")]
        if said == [None, None]:
            continue
        saying.understood += 1
        states = [canonical_state(value) for value in said if value is not None]
        if not all(isinstance(value, bool) for value in states):
            saying.ignore(name, DecodeError(name, "yes or no", said))
        elif name == "current_alarm":
            saying.say("current.alarm", any(states))
        else:
            saying.hold("current.alarm", name, any(states))


def _radar(saying: Saying, flat: Mapping[str, Any]) -> None:
    """Alarms of the fall radar (VS373): one property for each kind, or a list `events` (older decoders)."""
    listed = flat.get("events")
    if isinstance(listed, list):
        saying.understood += 1
        last: dict[tuple[str, str], str] = {}
        for entry in listed[:ALARMS_MAX]:
            if isinstance(entry, dict):
                kind = _word(entry.get("alarm_type"))
                last[(kind, _word(entry.get("alarm_id")))] = _word(entry.get("alarm_status"))
        for kind in dict.fromkeys(kind for kind, _ in last):
            _radar_alarm(saying, kind, [status for (said, _), status in last.items() if said == kind])
    for kind in (*_RADAR_ALARMS, "vacant", "dwell", "human in place", "bradypnea", "tachypnea"):
        for suffix in ("_alarm", ""):
            name = kind.replace(" ", "_") + suffix
            if f"{name}.alarm_status" in flat:
                saying.understood += 1
                statuses = _parts(flat[f"{name}.alarm_status"])
                ids = _parts(flat.get(f"{name}.alarm_id", ""))
                if len(ids) != len(statuses):
                    ids = [str(n) for n in range(len(statuses))]
                _radar_alarm(saying, kind, list(dict(zip(ids, statuses, strict=True)).values()))


def _word(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{read_number('alarm', value):g}"
    return value.strip().lower().replace("_", " ") if isinstance(value, str) else ""


def _parts(value: Any) -> list[str]:
    """The values of a repeated alarm: "1, 1, 2" in the order in which they came."""
    if isinstance(value, str):
        return [part for part in (_word(part) for part in value.split(",")[:ALARMS_MAX]) if part]
    word = _word(value)
    return [word] if word else []


def _radar_alarm(saying: Saying, kind: str, statuses: list[str]) -> None:
    """One kind of alarm: it stands while any of its ids is triggered and not ended after that."""
    point = "presence" if kind == "vacant" else _RADAR_ALARMS.get(kind, "")
    triggered = any(status in _TRIGGERED for status in statuses)
    unread = [
        status for status in statuses if status not in _TRIGGERED | _OVER and status not in ("4", "status report")
    ]
    if unread or not statuses:
        error = DecodeError(f"{kind} alarm", "alarm triggered, deactivated or ignored", unread)
        saying.ignore(f"{kind} alarm", error, danger=point == "fall.alarm" and not triggered)
    if not point:
        saying.note({"type": "alarm", "alarm": kind[:TEXT_MAX], "state": "triggered" if triggered else "over"})
    elif point == "presence":
        if triggered:
            saying.say(point, kind == "occupied")
    elif triggered:
        saying.say(point, True)
    elif not unread and any(status in _OVER for status in statuses):
        saying.say(point, False)
