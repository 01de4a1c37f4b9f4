"""Adopting a device that was heard: a person gives it an id, a kind, a zone and a name; the site file is rewritten."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from devices.catalog import PROFILES
from gateway.console.gate import Gate
from gateway.console.parts import ConsoleParts, Unregistered
from gateway.console.past import value_words
from gateway.console.render import Pages, Visit
from gateway.site_file import Adoption, ChangeRefused, suggested_id, suggested_kind

_FIELDS = ("id", "kind", "zone", "room", "name_zh", "name_en")
_TEXT_MAX = 80


class AdoptionPages:
    """The form, and what comes of it."""

    def __init__(self, parts: ConsoleParts, pages: Pages, gate: Gate) -> None:
        self._parts = parts
        self._pages = pages
        self._gate = gate

    async def show(self, visit: Visit) -> Response:
        """The form for one device; what can be guessed is filled in."""
        asked = visit.request.query_params
        return self._form(visit, asked.get("home", ""), asked.get("source", ""), asked.get("address", ""))

    async def adopt(self, visit: Visit) -> Response:
        """Take the device in, or say why not: then nothing was changed."""
        form = await self._gate.form(visit)
        forged = self._gate.forged(visit, form)
        if forged is not None:
            return forged
        home, source, address = (form.get(name, "") for name in ("home", "source", "address"))
        values = {name: form.get(name, "").strip()[:_TEXT_MAX] for name in _FIELDS}
        account = visit.viewer.account
        if account is None or not visit.viewer.operates(home) or self._parts.adopt is None:
            return self._form(visit, home, source, address, 403, visit.words("refused.not_allowed"), values)
        adoption = Adoption(home=home, source=source, address=address, **values)
        try:
            await self._parts.adopt(adoption, account.acts_as)
        except ChangeRefused as refusal:
            return self._form(visit, home, source, address, 409, str(refusal), values)
        return RedirectResponse(f"/home/{home}/devices", 303)

    def _form(
        self,
        visit: Visit,
        home: str,
        source: str,
        address: str,
        status: int = 200,
        problem: str = "",
        values: dict[str, str] | None = None,
    ) -> Response:
        site = self._parts.sites.get(home) if visit.viewer.sees(home) else None
        heard = self._heard(home, source, address)
        if site is None or (heard is None and not problem):
            words = visit.words
            return self._pages.message(visit, 404, words("error.title"), words("adopt.unknown"))
        points = dict(heard.values) if heard is not None else {}
        kind = suggested_kind(points)
        filled = values or {**dict.fromkeys(_FIELDS, ""), "id": suggested_id(kind, address), "kind": kind}
        english = visit.words.language == "en"
        kinds = [(name, profile.en if english else profile.zh) for name, profile in PROFILES.items()]
        said = [value_words(point, value, visit.words) for point, value in sorted(points.items())]
        return self._pages.page(
            "adopt.html",
            visit,
            site,
            status,
            home=home,
            source=source,
            address=address,
            filled=filled,
            kinds=kinds,
            said=said,
            problem=problem,
        )

    def _heard(self, home: str, source: str, address: str) -> Unregistered | None:
        for each in self._parts.unregistered():
            if (each.home, each.source, each.address) == (home, source, address):
                return each
        return None
