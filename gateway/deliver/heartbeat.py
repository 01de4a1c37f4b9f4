"""The heartbeat: a webhook called only while the journal moves on. Whoever runs it pages when it stays away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from gateway.backoff import Jitter
from gateway.clock import Clock
from gateway.deliver.courier import LinkReporter, Report, keep_running
from gateway.http import HttpClient, Unreachable

_FAILURES_MAX = 3
_TIMEOUT_S = 10.0


class Heartbeat:
    """Calls `url` every `every_s`, if `progress()` has grown since the last call that was answered.

    A process that lives but no longer journals is as dead as one that ended: it must not beat. Three calls in a row
    without a 2xx are a trouble (`heartbeat`), because then nobody would notice our death. `body` makes what is sent
    along: the ledger's signed head, of which whoever keeps the calls is a witness outside the box.
    """

    def __init__(
        self,
        url: str,
        every_s: float,
        progress: Callable[[], int],
        http: HttpClient,
        clock: Clock,
        homes: Sequence[str],
        report: Report,
        jitter: Jitter,
        body: Callable[[], Awaitable[bytes]] | None = None,
    ) -> None:
        self._url = url
        self._every_s = every_s
        self._progress = progress
        self._http = http
        self._clock = clock
        self._jitter = jitter
        self._body = body
        self._links = LinkReporter("heartbeat", homes, report)
        self._counted = -1
        self._failures = 0

    async def run(self) -> None:
        """Beat until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._links.run())
            group.create_task(keep_running(self._beat_for_ever, self._links, self._clock, self._jitter))

    async def _beat_for_ever(self) -> None:
        while True:
            await self.beat()
            await self._clock.sleep(self._every_s)

    async def beat(self) -> bool:
        """Call once if there was progress; whether the call was answered with 2xx."""
        reached = self._progress()
        if reached <= self._counted:
            return False
        fault = await self._call()
        if not fault:
            self._counted = reached
            self._failures = 0
            self._links.set_up()
            return True
        self._failures += 1
        if self._failures >= _FAILURES_MAX:
            self._links.set_down(f"{self._failures} heartbeats in a row did not arrive: {fault}")
        return False

    async def _call(self) -> str:
        body = b"" if self._body is None else await self._body()
        kind = {"Content-Type": "application/json"} if body else {}
        timeout_s = min(self._every_s, _TIMEOUT_S)
        try:
            answer = await self._http.request("POST", self._url, body=body, headers=kind, timeout_s=timeout_s)
        except Unreachable as error:
            return error.reason
        return "" if answer.succeeded else f"HTTP {answer.status}"
