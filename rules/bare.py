"""The last resort: an alarm made without the engine, for when the engine itself cannot take an input."""

from __future__ import annotations

from rules import troubles
from rules.alarm import Alarm, Category
from rules.duty import Duty
from rules.effects import AlarmChanged, AnyEffect, Change, DriveSounder, Notify, Pattern
from rules.incident import Incident
from rules.inputs import EngineFaulted
from rules.site import Site


def bare_effects(site: Site, epoch: int, seq: int, fault: EngineFaulted) -> tuple[AnyEffect, ...]:
    """Raise the fault's danger (or a trouble) and tell everybody of the home; nobody keeps this alarm open.

    It has the id of its input, so a replay that ends here again tells nobody twice.
    """
    danger = troubles.danger(fault.category)
    device = next((device for device in site.devices if device.id == fault.device), None)
    zone = device.zone if device is not None else troubles.UNASSIGNED
    stem = f"{site.id}:{epoch}:{seq}"
    cause = troubles.fallback(danger or Category.FIRE, fault.device or "engine", zone, fault.error)
    category = danger or Category.TROUBLE
    incident = Incident(
        id=f"{stem}.i1", home=site.id, zone=zone, category=category, opened_at=fault.at, alarms=(stem,)
    )
    alarm = Alarm(
        id=stem,
        rule="gateway.bare",
        subject=cause.subject,
        zone=zone,
        category=category,
        priority=1,
        title=cause.title if danger is not None else troubles.FAULTED,
        raised_at=fault.at,
        incident=incident.id,
        detail=fault.error,
    )
    effects: list[AnyEffect] = [AlarmChanged(at=fault.at, alarm=alarm, change=Change.RAISED, reason="engine broken")]
    if danger in (Category.FIRE, Category.GAS):
        effects.append(DriveSounder(at=fault.at, zone=zone, pattern=Pattern.EVACUATE, incident=incident.id))
    for person in Duty(site).everybody(fault.at):
        for channel in (each for each in person.channels if each.consent):
            effects.append(
                Notify(
                    at=fault.at,
                    reason="engine broken",
                    message=f"{stem}.m{len(effects)}",
                    person=person.id,
                    channel=channel.destination,
                    address=channel.address,
                    alarm=alarm,
                    incident=incident,
                )
            )
    return tuple(effects)
