"""What must fit together in the settings of the auditor: whom it calls, and that its own silence is noticed."""

from __future__ import annotations

from gateway.load_settings import check_url
from gateway.settings import Settings
from rules.parse import Fault, suggestion


def check_audit(settings: Settings, file: str) -> list[Fault]:
    """Unknown channels, bad addresses, and a heartbeat that would hide another one's absence."""
    faults: list[Fault] = []
    audit, names = settings.audit, [channel.name for channel in settings.channels]
    for place, call in enumerate(audit.calls, 1):
        if call.channel not in names:
            problem, mend = f"unknown channel {call.channel!r}", suggestion(call.channel, names)
            faults.append(Fault(file=file, path=f"audit.calls[{place}].channel", problem=problem, mend=mend))
    if audit.heartbeat is not None:
        faults += check_url(audit.heartbeat.url, "audit.heartbeat.url", file)
        if settings.heartbeat is not None and settings.heartbeat.url == audit.heartbeat.url:
            problem = "is the gateway's own heartbeat: while one of both beats, nobody notices that the other is gone"
            mend = "Make a second check there, with an address of its own"
            faults.append(Fault(file=file, path="audit.heartbeat.url", problem=problem, mend=mend))
    return faults
