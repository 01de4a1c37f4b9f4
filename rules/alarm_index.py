"""Which open alarms belong to which incident or zone, so that nobody has to look through all of them."""

from __future__ import annotations


class AlarmIndex:
    """The ids of the open alarms of each incident (or zone), in the order in which they were raised."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, None]] = {}

    def of(self, place: str) -> tuple[str, ...]:
        """The alarms of an incident or zone."""
        return tuple(self._of.get(place, ()))

    def first(self, place: str) -> str | None:
        """The first open alarm of one, or None."""
        return next(iter(self._of.get(place, ())), None)

    def move(self, alarm: str, before: str, now: str) -> None:
        """An alarm leaves one incident or zone ("" is none) for another."""
        listed = self._of.get(before)
        if listed is not None:
            listed.pop(alarm, None)
            if not listed:
                del self._of[before]
        if not now:
            return
        listed = self._of.setdefault(now, {})
        is_last = not listed or _number(next(reversed(listed))) < _number(alarm)
        listed[alarm] = None
        if not is_last:
            self._of[now] = dict.fromkeys(sorted(listed, key=_number))


def _number(alarm: str) -> tuple[int, ...]:
    """Where an alarm stands in the order of raising: its id is `home:epoch:seq`, and `.n` from the second on."""
    return tuple(int(part) for part in alarm.rpartition(":")[2].split("."))
