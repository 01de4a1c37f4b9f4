"""One turn of the engine: the instant, the effects so far, and the ids that derive from the journal's sequence."""

from __future__ import annotations

from datetime import datetime

from devices.reading import Report
from rules.effects import AnyEffect


class Turn:
    """What happens because of one input. Deadlines that are due first are stamped with their own instants.

    `reports` are those of the packet that it is about, for what their devices say beside their values.
    """

    __slots__ = ("_alarms", "_incidents", "_messages", "_place", "at", "effects", "reports", "until")

    def __init__(self, home: str, epoch: int, seq: int, at: datetime) -> None:
        self.at = at
        self.until = at
        self.effects: list[AnyEffect] = []
        self.reports: tuple[Report, ...] = ()
        self._place = (home, epoch, seq)
        self._alarms = 0
        self._incidents = 0
        self._messages = 0

    @property
    def late(self) -> bool:
        """Whether what is done now was due before: the gateway was down, or overrun, for longer than 2 s."""
        return (self.until - self.at).total_seconds() > LATE_S

    @property
    def home(self) -> str:
        """The home's id."""
        return self._place[0]

    def alarm_id(self) -> str:
        """`home:epoch:seq`, and `.n` from the second on."""
        self._alarms += 1
        return self._stem() if self._alarms == 1 else f"{self._stem()}.{self._alarms}"

    def _stem(self) -> str:
        home, epoch, seq = self._place
        return f"{home}:{epoch}:{seq}"

    def made(self, alarm_id: str) -> bool:
        """Whether this input raised the alarm."""
        return alarm_id.partition(".")[0] == self._stem()

    def walk_test_id(self) -> str:
        """`home:epoch:seq.w1`."""
        return f"{self._stem()}.w1"

    def mode_id(self, letter: str) -> str:
        """`home:epoch:seq.d1` for a drill, `.x1` for a maintenance: one input begins one at the most."""
        return f"{self._stem()}.{letter}1"

    def incident_id(self) -> str:
        """`home:epoch:seq.iN`."""
        self._incidents += 1
        return f"{self._stem()}.i{self._incidents}"

    def message_id(self) -> str:
        """`home:epoch:seq.mN`."""
        self._messages += 1
        return f"{self._stem()}.m{self._messages}"


LATE_S = 2.0
"""From here on a deadline counts as fired late (the same bound as a step of the clock)."""
