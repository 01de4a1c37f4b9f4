"""The names that people give to entities of Home Assistant discovery, where they say more than the class does.

Exact names only, in any usual spelling (`Residual current`, `residual_current`): a word within a name proves nothing.
"""

from __future__ import annotations

import re
from typing import Final

SAFETY_NAMES: Final[dict[str, str]] = {
    **dict.fromkeys(("fall", "fall_alarm", "fall_detected", "fall_detection", "falling_information"), "fall.alarm"),
    **dict.fromkeys(("跌倒", "跌倒报警", "跌倒检测"), "fall.alarm"),
    **dict.fromkeys(("sos", "sos_button", "sos_alarm", "panic_button", "emergency_button"), "sos.alarm"),
    **dict.fromkeys(("求助", "紧急求助", "紧急呼叫"), "sos.alarm"),
}
"""Names of binary sensors that count whatever the class: a fall is announced as safety, motion or nothing."""

PLAIN_NAMES: Final[dict[str, str]] = {
    **dict.fromkeys(("烟雾报警", "烟感报警", "烟雾", "烟感"), "smoke.alarm"),
    **dict.fromkeys(("燃气报警", "可燃气体报警", "燃气泄漏"), "gas.alarm"),
    "一氧化碳报警": "co.alarm",
    "火警": "fire.alarm",
    **dict.fromkeys(("水浸", "水浸报警", "漏水", "漏水报警"), "water_leak.alarm"),
    **dict.fromkeys(("有人", "人体存在"), "presence"),
}
"""Names of binary sensors without a class, besides those of the ecosystems."""

NO_CALL: Final = re.compile(r".*(?:valve|lock|阀|锁).*")
"""What has class safety and is no call for help: a state of equipment."""

LEVEL_NAMES: Final[dict[str, str]] = {
    **dict.fromkeys(("residual_current", "leakage_current", "leakage", "leak_current"), "current.residual"),
    **dict.fromkeys(("earth_leakage_current", "剩余电流", "漏电流", "漏电电流"), "current.residual"),
    **dict.fromkeys(("battery_voltage", "电池电压"), "battery.voltage"),
    **{f"{a}相{zh}": f"{point}.{a}" for a in "abc" for zh, point in (("电流", "current"), ("电压", "voltage"))},
}
"""Names of sensors that say more than their class."""

ENUM_NAMES: Final = {"烟雾状态": "smoke_state", "烟感状态": "smoke_state", "燃气状态": "gas_state"}
"""Names of states that are one of several words, by the property whose words they have."""


def said_names(name: str, object_id: str, last_id: str, owner: str) -> tuple[str, ...]:
    """An entity's name as people read it and its ids, each also without the device's name in front."""
    start = f"{_underscored(owner)}_"
    found = []
    for given in (_underscored(name), _underscored(object_id), _underscored(last_id)):
        found.append(given)
        if len(start) > 1 and given.startswith(start):
            found.append(given[len(start) :])
    return tuple(dict.fromkeys(given for given in found if given))


def _underscored(name: str) -> str:
    return re.sub(r"[\s_.-]+", "_", name[:128].strip().lower())
