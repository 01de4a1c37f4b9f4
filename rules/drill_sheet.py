"""The sheet of a drill or a monthly test alarm: what ran and how fast, plain data that stands by itself for years."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from rules.alarm import Category
from rules.drill import Drill, TimingSheet
from rules.site import Site
from rules.text import Text

DRILL_SHEET_VERSION = 1


class DrillSheet(msgspec.Struct, frozen=True, kw_only=True):
    """One drill on one sheet. People stand here by their ids; names are looked up when it is shown.

    `scheduled`: it was a test alarm of the month.
    """

    id: str
    home: str
    home_name: Text
    started_at: datetime
    ended_at: datetime
    device: str
    device_name: Text
    category: Category
    timing: TimingSheet
    zone: Text = Text("")
    room: str = ""
    address: str = ""
    by: str = ""
    ended_by: str = ""
    ended_because: str = ""
    scheduled: bool = False
    version: int = DRILL_SHEET_VERSION


def drill_sheet_of(drill: Drill, timing: TimingSheet, site: Site) -> DrillSheet:
    """The sheet of a drill that has ended. Names are those of the site as it is when the sheet is made."""
    device = next((each for each in site.devices if each.id == drill.device), None)
    zone = next((each.name for each in site.zones if each.id == drill.zone), Text(drill.zone))
    return DrillSheet(
        id=drill.id,
        home=site.id,
        home_name=site.name,
        address=site.address,
        started_at=drill.started_at,
        ended_at=drill.ended_at or drill.ends_at,
        device=drill.device,
        device_name=device.name if device is not None else Text(drill.device),
        room=device.room if device is not None else "",
        zone=zone,
        category=drill.category,
        by=drill.by,
        ended_by=drill.ended_by,
        ended_because=drill.ended_because,
        scheduled=drill.scheduled,
        timing=timing,
    )


def shifted_drill(sheet: DrillSheet, by: timedelta) -> DrillSheet:
    """The sheet with its instants moved: from the engine's time line to the wall clock."""
    return replace(sheet, started_at=sheet.started_at + by, ended_at=sheet.ended_at + by)
