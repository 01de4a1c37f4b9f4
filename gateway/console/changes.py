"""A counter that grows with every change worth showing, and those who wait for it."""

from __future__ import annotations

import asyncio


class Changes:
    """Whoever decides calls `bump` (from the event loop) after each commit; it costs nothing while nobody waits."""

    def __init__(self) -> None:
        self.version = 0
        self._grown = asyncio.Event()

    def bump(self) -> None:
        """Something changed: wake everybody who waits."""
        self.version += 1
        self._grown.set()
        self._grown = asyncio.Event()

    async def wait(self, beyond: int) -> int:
        """The version, as soon as it is beyond `beyond`."""
        while self.version <= beyond:
            await self._grown.wait()
        return self.version
