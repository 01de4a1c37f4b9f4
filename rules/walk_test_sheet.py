"""The sheet of a walk test: what was proven and what was not, as plain data that stands by itself for years."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from rules.proof import CALL_POINT
from rules.site import Device, Site
from rules.text import Text
from rules.walk_test import Proof, ProofKind, RealAlarm, WalkTest

SHEET_VERSION = 1


class Result(enum.StrEnum):
    """What came of one device: its alarm came and went; its self-test came; it became a real alarm; nothing came.

    `always_real`: a manual call point, which a walk test cannot prove.
    """

    PROVEN = "proven"
    SELF_TESTED = "self_tested"
    NOT_CLEARED = "not_cleared"
    NOT_PROVEN = "not_proven"
    ALWAYS_REAL = "always_real"


class SheetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One device of the scope."""

    device: str
    name: Text
    zone: Text
    room: str = ""
    kind: str = ""
    result: Result
    at: datetime | None = None
    cleared_at: datetime | None = None
    point: str = ""
    value: str = ""
    because: str = ""


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """One walk test on one sheet. People stand here by their ids; names are looked up when it is shown."""

    id: str
    home: str
    home_name: Text
    started_at: datetime
    ended_at: datetime
    ends_at: datetime
    tester: str
    address: str = ""
    ended_by: str = ""
    ended_because: str = ""
    zones: tuple[Text, ...] = ()
    rows: tuple[SheetRow, ...] = ()
    real: tuple[RealAlarm, ...] = ()
    real_names: tuple[Text, ...] = ()
    version: int = SHEET_VERSION

    def count(self, *results: Result) -> int:
        """How many devices came out like this."""
        return sum(1 for row in self.rows if row.result in results)

    @property
    def proven(self) -> int:
        """How many were proven as they should be."""
        return self.count(Result.PROVEN, Result.SELF_TESTED)

    @property
    def complete(self) -> bool:
        """Whether every device that a walk test can prove was proven, and there is one."""
        return self.proven > 0 and self.count(Result.NOT_PROVEN, Result.NOT_CLEARED) == 0


def sheet_of(test: WalkTest, site: Site) -> Sheet:
    """The sheet of a walk test that has ended. Names are those of the site as it is when the sheet is made."""
    devices = {device.id: device for device in site.devices}
    zones = {zone.id: zone.name for zone in site.zones}
    order = {zone.id: place for place, zone in enumerate(site.zones)}
    covered = {device.id for device in site.devices if device.kind == CALL_POINT and test.covers(device.zone)}
    ids = dict.fromkeys((*test.targets, *(proof.device for proof in test.proofs), *sorted(covered)))

    def place(device_id: str) -> tuple[int, str, str]:
        device = devices.get(device_id)
        return (order.get(device.zone, len(order)), device.room, device.id) if device else (len(order), "", device_id)

    return Sheet(
        id=test.id,
        home=site.id,
        home_name=site.name,
        address=site.address,
        started_at=test.started_at,
        ended_at=test.ended_at or test.ends_at,
        ends_at=test.ends_at,
        tester=test.tester,
        ended_by=test.ended_by,
        ended_because=test.ended_because,
        zones=tuple(zones.get(zone, Text(zone)) for zone in test.zones),
        rows=tuple(_row(each, devices.get(each), zones, test.proof_of(each)) for each in sorted(ids, key=place)),
        real=test.real,
        real_names=tuple(devices[r.device].name if r.device in devices else Text(r.device) for r in test.real),
    )


def _row(device_id: str, device: Device | None, zones: dict[str, Text], proof: Proof | None) -> SheetRow:
    zone = zones.get(device.zone, Text(device.zone)) if device is not None else Text("")
    return SheetRow(
        device=device_id,
        name=device.name if device is not None else Text(device_id),
        zone=zone,
        room=device.room if device is not None else "",
        kind=device.kind if device is not None else "",
        result=_result(device, proof),
        at=proof.at if proof is not None else None,
        cleared_at=proof.cleared_at if proof is not None else None,
        point=proof.point if proof is not None else "",
        value=proof.value if proof is not None else "",
        because=proof.real_because if proof is not None else "",
    )


def _result(device: Device | None, proof: Proof | None) -> Result:
    if proof is None:
        return Result.ALWAYS_REAL if device is not None and device.kind == CALL_POINT else Result.NOT_PROVEN
    if not proof.clean:
        return Result.NOT_CLEARED
    return Result.PROVEN if proof.kind is ProofKind.ALARM else Result.SELF_TESTED


def shifted(sheet: Sheet, by: timedelta) -> Sheet:
    """The sheet with its instants moved: from the engine's time line to the wall clock."""

    def moved(at: datetime | None) -> datetime | None:
        return None if at is None else at + by

    return replace(
        sheet,
        started_at=sheet.started_at + by,
        ended_at=sheet.ended_at + by,
        ends_at=sheet.ends_at + by,
        rows=tuple(replace(row, at=moved(row.at), cleared_at=moved(row.cleared_at)) for row in sheet.rows),
        real=tuple(replace(real, at=real.at + by) for real in sheet.real),
    )
