"""A button on a wall by which somebody in the zone takes its incidents on. It gives no verdict and resets nothing.

The device is of the kind `acknowledge_button`. A contact (`acknowledge.pressed`) counts when it closes after it was
open: one that is stuck must not take on whatever comes. A word (`button`) counts each time, unless it tells a release.
"""

from __future__ import annotations

from rules.incidents import Incidents
from rules.index import ACKNOWLEDGE_BUTTON, PRESS_WORD
from rules.inputs import OperatorActed, Verb
from rules.site import Device, Site
from rules.supervision import DeviceState
from rules.turn import Turn

VIA = "button"
_RELEASES = ("release", "up", "none", "idle", "hold_stop")


def person_of(device: Device) -> str:
    """Who took it on, as far as a button can know."""
    return f"button:{device.id}"


def button_names(site: Site) -> dict[str, str]:
    """What people read where a button stands for who took it on: its room and its name, as a person has one name."""
    return {
        person_of(device): f"{device.room} {device.name.zh}".strip()
        for device in site.devices
        if device.kind == ACKNOWLEDGE_BUTTON
    }


def asked_by_press(
    turn: Turn, incidents: Incidents, state: DeviceState, point: str, before: object
) -> list[OperatorActed]:
    """What the reading at `point` asks for: to take on the incidents of the button's zone that nobody has taken on.

    `before` is the value of before. A word is forgotten at once: the next press says the same.
    """
    value = state.values[point]
    if point == PRESS_WORD:
        del state.values[point]
    if not _is_press(point, before, value):
        return []
    device = state.device
    return [
        OperatorActed(at=turn.at, person=person_of(device), verb=Verb.ACKNOWLEDGE, target=incident.id, via=VIA)
        for incident in incidents.open.values()
        if incident.zone == device.zone and not incident.acknowledged_by
    ]


def _is_press(point: str, before: object, value: object) -> bool:
    if point != PRESS_WORD:
        return value is True and before is False
    return isinstance(value, str) and value != "" and not value.lower().endswith(_RELEASES)
