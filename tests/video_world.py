"""Cameras for tests: settings, an inventory that knows them, and what the source put into the inbox."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from gateway.http import HttpClient
from gateway.inbox import Inbox
from gateway.receive.inventory import Inventory
from gateway.receive.video import VideoSource
from gateway.settings import Camera
from rules.inputs import AnyInput, LinkChanged, ReadingsArrived
from rules.site import Device, Site
from rules.text import Text


def camera(name: str = "cam", url: str = "rtsp://127.0.0.1:1/live", **more: Any) -> Camera:
    """The settings of a camera; `more` is not validated, so that a test may be faster than a home."""
    values: dict[str, Any] = {"name": name, "home": "home-a", "url": url, **more}
    return Camera.model_construct(**values)


def inventory(names: list[str]) -> Inventory:
    """A home with these cameras; the device of camera `x` is `device-x`."""
    devices = tuple(
        Device(id=f"device-{name}", kind="video", source="video", address=name, zone="hall", name=Text(name))
        for name in names
    )
    return Inventory([Site(id="home-a", name=Text("甲院"), devices=devices)])


class World:
    """A video source at work, and what it said."""

    def __init__(self, cameras: list[Camera], clock: Any, **more: Any) -> None:
        self.inbox = Inbox()
        self.clock = clock
        self.states: dict[str, tuple[bool, str]] = {}
        self.http = HttpClient()
        self.inventory = inventory([one.name for one in cameras])
        more.setdefault("jitter", lambda: 0.0)
        password = more.pop("password", "")
        self.source = VideoSource(
            cameras,
            self.inventory,
            self.inbox,
            clock,
            http=self.http,
            password=lambda _: password,
            on_state=lambda link, up, words: self.states.__setitem__(link, (up, words)),
            **more,
        )
        self.said: list[AnyInput] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        task = asyncio.ensure_future(self.source.run())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await self.http.aclose()

    def hear(self) -> list[AnyInput]:
        """What was said since the last time, which is also kept in `said`."""
        heard = [delivery.make(self.clock.now()) for delivery in self.inbox.take(100_000)]
        self.said += heard
        return heard

    def readings(self, point: str, name: str = "cam") -> list[Any]:
        """All values of a point of a camera so far."""
        self.hear()
        return [
            reading.value
            for one in self.said
            if isinstance(one, ReadingsArrived)
            for report in one.reports
            if report.device == f"device-{name}"
            for reading in report.readings
            if reading.point == point
        ]

    def events(self) -> list[dict[str, str]]:
        self.hear()
        return [
            event
            for one in self.said
            if isinstance(one, ReadingsArrived)
            for report in one.reports
            for event in report.events
        ]

    def troubles(self, link: str) -> list[tuple[bool, str]]:
        self.hear()
        return [(one.up, one.detail) for one in self.said if isinstance(one, LinkChanged) and one.link == link]
