"""Stills of an alarm on its page: for people who may act in the home, by their account, and every look is logged."""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway.console.board import subject_words
from gateway.console.parts import ConsoleParts, ShownEngine
from gateway.console.render import Pages, Visit
from gateway.console.texts import Words
from rules.site import Site

CAMERAS = "video"
"""The source of the cameras that are asked for frames."""

log = structlog.get_logger(__name__)


class StillLine(msgspec.Struct, frozen=True):
    """One still as a page shows it. The instant is the wall clock's."""

    key: str
    camera: str
    taken_at: datetime


class StillPages:
    """Lists the stills of an incident, and hands out one."""

    def __init__(self, parts: ConsoleParts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    async def lines(self, site: Site, engine: ShownEngine, incident: str, words: Words) -> list[StillLine]:
        """The stills of an incident, the first one first."""
        stills = self._parts.stills
        if stills is None or not incident:
            return []
        names = {device.address: device.id for device in site.devices if device.source == CAMERAS}
        kept = await asyncio.to_thread(stills.list, site.id, incident)
        return [
            StillLine(one.key, subject_words(engine, names.get(one.camera, one.camera), words), one.taken_at)
            for one in kept
        ]

    async def show(self, visit: Visit) -> Response:
        """One still as an image. 404 where there is none (any more), 403 for who may not act in the home."""
        home, incident, key = (visit.request.path_params[name] for name in ("home", "id", "key"))
        account, words = visit.viewer.account, visit.words
        if self._parts.stills is None or home not in self._parts.sites or not visit.viewer.sees(home):
            raise HTTPException(404)
        if account is None or not visit.viewer.operates(home):
            return self._pages.message(visit, 403, words("refused.title"), words("refused.not_allowed"))
        jpeg = await asyncio.to_thread(self._parts.stills.read, home, incident, key)
        if jpeg is None:
            raise HTTPException(404)
        log.info("still shown", account=account.name, person=account.acts_as, home=home, incident=incident, still=key)
        return Response(jpeg, media_type="image/jpeg")
