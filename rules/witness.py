"""Who confirms whom: a fire panel and the detector that it speaks for are one witness, two detectors are two.

GB 50116-2013 4.1.6 wants two independent signals. The summary of a panel ("my system is in alarm") only repeats what
one of its parts said; a second part of the same panel is a second signal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from rules.site import Site

_SUMMARY: Final = re.compile(r"\d{1,15}(/\d{1,3}\.\d{1,3})?")
"""The address of a transmission device or of its system (GB/T 26875.3: `889`, `889/1.1`); a part has one word more."""

_PANEL_KINDS: Final = frozenset({"transmission_device", "fire_panel", "panel_part"})
_ON_PANEL: Final = ".panel"


def panel_addresses(site: Site) -> dict[str, str]:
    """The panels of a site and their parts: `source/address` by device id."""
    return {
        device.id: f"{device.source}/{device.address}"
        for device in site.devices
        if device.kind in _PANEL_KINDS or device.profile.endswith(_ON_PANEL)
    }


def count_witnesses(subjects: Iterable[str], addresses: Mapping[str, str]) -> int:
    """How many of these speak for themselves. A stranger's subject is its `source/address` already."""
    said = {addresses.get(subject, subject) for subject in subjects}
    summaries = {one for one in said if _SUMMARY.fullmatch(one.partition("/")[2])}
    # A summary counts only if none of what it sums up spoke itself.
    return sum(
        one not in summaries or not any(other.startswith(f"{one}/") for other in said if other != one) for one in said
    )
