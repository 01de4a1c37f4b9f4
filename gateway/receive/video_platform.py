"""Video platforms by GB/T 28181 (WVP-GB28181-pro): whether each camera is on line, as the platform knows it.

A home may have a platform to which its cameras register, and no RTSP addresses. The platform decides when a camera is
off line (GB/T 28181-2016 9.6.1: 60 s x 3); what it says is passed on at once. That the platform itself does not answer
says nothing of its cameras: after three missed rounds it is a trouble of its link, and they keep what they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from devices import wvp
from devices.codec import DecodeError
from devices.reading import Reading, Report
from gateway.backoff import Jitter
from gateway.clock import Clock
from gateway.http import Answer, HttpClient, Unreachable
from gateway.inbox import Delivery, Inbox
from gateway.receive.inventory import Inventory
from gateway.settings import VideoPlatform
from rules.inputs import AnyInput, LinkChanged, ReadingsArrived

MISSED_MAX: Final = 3
"""Rounds in a row without an answer until the platform is a trouble: as many as a camera has (GB/T 28181)."""

ANSWER_S: Final = 10.0
PAGE: Final = 100
PAGES_MAX: Final = 200
"""Pages of one list; a platform with more devices or channels is asked for no more."""

BODY_MAX: Final = 2 * 1024 * 1024
"""Of one page; a channel is 1 to 2 KB."""

LOGIN_AGAIN_S: Final = 600.0
"""After a refused password it is not tried again for so long: platforms lock out whoever tries too often."""

SEARCH_EVERY_S: Final = 600.0
"""How often all devices are searched for cameras that are on none of those known (a recorder that was replaced)."""

UNKNOWN_MAX: Final = 3
"""Rounds in a row that do not find a camera, or no state of it, until it counts as off line: nobody can watch it."""


class _Locked(Exception):
    """The platform does not take our user or password; nothing is asked until it may be tried again."""


class _Round(msgspec.Struct):
    """What one round found: on line or not by code, and on which device each code stands."""

    states: dict[str, bool] = {}
    device_of: dict[str, str] = {}


class VideoPlatformSource:
    """One platform of one home, asked every `every_s`. `cameras` are the addresses registered for it."""

    def __init__(
        self,
        setting: VideoPlatform,
        inventory: Inventory,
        inbox: Inbox,
        clock: Clock,
        jitter: Jitter,
        http: HttpClient,
        password: str | None,
        cameras: Callable[[], list[str]],
        on_state: Callable[[str, bool, str], None],
    ) -> None:
        self._setting = setting
        self._inventory = inventory
        self._inbox = inbox
        self._clock = clock
        self._jitter = jitter
        self._http = http
        self._password = password or ""
        self._cameras = cameras
        self._on_state = on_state
        self._token = ""
        self._locked_at: float | None = None
        self._missed = 0
        self._up: bool | None = None
        self._words = ""
        self._device_of: dict[str, str] = {}
        self._searched_at: float | None = None
        self._unknown: dict[str, int] = {}

    async def run(self) -> None:
        """Ask until cancelled."""
        every = self._setting.every_s
        await self._clock.sleep(self._jitter() * every)
        while True:
            due = self._clock.monotonic() + every
            if self._cameras() and not self._inbox.full:
                await self.ask()
            await self._clock.sleep(max(due - self._clock.monotonic(), 1.0))

    async def ask(self) -> None:
        """One round. Never raises but when cancelled."""
        wanted = set(self._cameras())
        try:
            found = await self._round(wanted)
        except _Locked:
            return
        except Unreachable as gone:
            self._miss(gone.reason)
        except wvp.Refused as refused:
            self._miss(str(refused))
        except DecodeError as unread:
            self._miss(f"what it answers is not understood: {unread}; is url the platform itself?")
        else:
            self._missed = 0
            self._tell_link(True, "")
            self._device_of.update(found.device_of)
            for code in sorted(wanted):
                self._tell_camera(code, found.states.get(code))

    def _miss(self, words: str) -> None:
        self._missed += 1
        if self._missed >= MISSED_MAX:
            self._tell_link(False, f"{words}. The states of its {len(self._cameras())} cameras are not known now")

    # the platform

    async def _round(self, wanted: set[str]) -> _Round:
        """The devices, and the channels of those on which a wanted camera stands (or may stand)."""
        found = _Round()
        devices = await self._list(wvp.DEVICES, wvp.read_devices)
        lost = {code for code in wanted if self._device_of.get(code) not in devices}
        now = self._clock.monotonic()
        due = self._searched_at is None or now - self._searched_at >= SEARCH_EVERY_S
        searching = bool(lost) and (due or any(self._unknown.get(code, 0) < UNKNOWN_MAX for code in lost))
        asked = set(devices) if searching else {self._device_of[code] for code in wanted - lost}
        for device in sorted(asked):
            channels = await self._list(wvp.channels_of(device), wvp.read_channels)
            for code in wanted & channels.keys():
                # A channel of a recorder that is gone keeps its last state on some releases.
                state = channels[code]
                found.device_of[code] = device
                if state is not None:
                    found.states[code] = state and devices[device] is not False
        if searching:
            self._searched_at = now
        for code in wanted:
            if code in found.states:
                self._unknown.pop(code, None)
            elif searching or code not in lost:
                self._unknown[code] = self._unknown.get(code, 0) + 1
                if code not in found.device_of:
                    self._device_of.pop(code, None)
        return found

    async def _list(self, path: str, read: Callable[[int, bytes], wvp.Page]) -> dict[str, bool | None]:
        """All items of a list by code, page after page."""
        states: dict[str, bool | None] = {}
        count = 0
        for number in range(1, PAGES_MAX + 1):
            page = await self._page(path, number, read)
            for item in page.items:
                states.update(dict.fromkeys(item.codes, item.on_line))
            count += len(page.items)
            if not page.items or count >= page.total:
                break
        return states

    async def _page(self, path: str, number: int, read: Callable[[int, bytes], wvp.Page]) -> wvp.Page:
        """One page; a token that is too old is renewed once."""
        query = {"page": str(number), "count": str(PAGE)}
        for first in (True, False):
            if not self._token:
                self._token = await self._log_in()
            answer = await self._get(path, query, {wvp.TOKEN_HEADER: self._token})
            try:
                return read(answer.status, answer.body)
            except wvp.Refused as refused:
                if not refused.not_let_in:
                    raise
                self._token = ""
                if not first:
                    raise
        raise AssertionError("unreachable")

    async def _log_in(self) -> str:
        now = self._clock.monotonic()
        if self._locked_at is not None and now - self._locked_at < LOGIN_AGAIN_S:
            raise _Locked
        answer = await self._get(wvp.LOGIN, wvp.login_query(self._setting.username, self._password), {})
        try:
            token = wvp.read_token(answer.status, answer.body, answer.headers.get(wvp.TOKEN_HEADER, ""))
        except wvp.Refused as refused:
            if answer.status >= 500:
                raise
            self._locked_at = now
            self._tell_link(False, f"{refused}: check username and password_file. Tried again every 10 min")
            raise _Locked from refused
        self._locked_at = None
        return token

    async def _get(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        url = self._setting.url.rstrip("/") + path
        return await self._http.request(
            "GET", url, query=query, headers=headers, timeout_s=ANSWER_S, body_max=BODY_MAX
        )

    # what is told

    def _tell_link(self, up: bool, words: str) -> None:
        if up is self._up and words == self._words:
            return
        self._up, self._words = up, words
        link, home = f"platform:{self._setting.name}", self._setting.home
        self._on_state(link, up, words)
        self._inbox.put(Delivery(home=home, make=lambda at: LinkChanged(at=at, link=link, up=up, detail=words)))

    def _tell_camera(self, code: str, on_line: bool | None) -> None:
        """Hand over a camera's state; one that the platform does not know is off line once that is sure."""
        known = self._inventory.find(self._setting.name, code)
        if known is None:
            return
        events: tuple[dict[str, str], ...] = ()
        if on_line is None:
            if self._unknown.get(code, 0) < UNKNOWN_MAX:
                return
            on_line = False
            events = ({"type": "camera_unknown", "reason": "the platform has no state of such a channel"},)
        said, source, device = (Reading("video.online", on_line),), self._setting.name, known.device.id

        def make(at: datetime) -> AnyInput:
            report = Report(device, said, None, events, known.next_row(int(at.timestamp() * 1000)))
            return ReadingsArrived(at=at, source=source, reports=(report,))

        self._inbox.put(Delivery(home=self._setting.home, make=make, size=256, device=device))
