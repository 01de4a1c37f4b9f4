"""What the engine knows of each device: what it said last, and whether it still speaks."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from devices.reading import Report, Value, is_said_by_device
from rules.index import Watch, rules_of
from rules.rule import Rule
from rules.site import Device

DEAF_GRACE = timedelta(seconds=100)
"""After the gateway itself was down, silent devices get this long to speak (GB 50166: fault signal within 100 s)."""


class DeviceState(msgspec.Struct):
    """One device as the engine sees it. `values` holds the points that some rule watches; unknown ones are absent.

    `known_at` is when the site file first named it; `heard_at` is its last live report (retained messages do not
    count), or None if it never spoke. `engaged` tells that some alarm about it may be open or pending: an unchanged
    report of any other device is not worth a look. `proven_at` is the last signal of its alarm point, real or test.
    `stored_at` is the row time of its newest report: after a restart the next one goes behind it.
    """

    device: Device
    watch: Watch
    values: dict[str, Value]
    known_at: datetime
    heard_at: datetime | None = None
    silent: bool = False
    engaged: bool = False
    proven_at: datetime | None = None
    stored_at: int = 0

    @property
    def silent_from(self) -> datetime:
        """When it becomes silent: its limit after its last report, or after it became known if it never spoke."""
        return (self.heard_at or self.known_at) + self.device.silence_limit

    def watching(self, rule_id: str) -> Rule | None:
        """The rule with this id if it watches the device, guards included, or None."""
        return rules_of(self.watch).get(rule_id)


_SAID_BY_OTHERS = frozenset({"online", "gateway.online", "duty.answered"})
"""Points whose False is said about a device, not by it: by its bridge, or by the listener that waited for an answer."""


def is_sign_of_life(report: Report) -> bool:
    """Whether the device itself spoke: not if others say that it is gone or did not answer, nor if its topic went."""
    return any(
        reading.value is not False or reading.point not in _SAID_BY_OTHERS for reading in report.readings
    ) or any(is_said_by_device(event) for event in report.events)
