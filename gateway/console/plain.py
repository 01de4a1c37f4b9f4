"""The pages that stand still: what is not registered, how the gateway is, what happened; and the same for programs."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from gateway.console.live import LivePages
from gateway.console.parts import ConsoleParts, Health, LinkState
from gateway.console.past import LINES_MAX, past_lines, value_words
from gateway.console.render import Pages, Visit
from rules.site import Site


class PlainPages:
    """Read from the parts as they are now."""

    def __init__(self, parts: ConsoleParts, pages: Pages, live: LivePages, sees: Callable[[Visit, str], bool]) -> None:
        self._parts = parts
        self._pages = pages
        self._live = live
        self._sees = sees

    async def unregistered(self, visit: Visit) -> Response:
        """The devices that were heard and that no site file names."""
        heard = [each for each in self._parts.unregistered() if self._sees(visit, each.home)]
        heard.sort(key=lambda each: each.heard_at, reverse=True)
        lines = [
            (each, [value_words(point, value, visit.words) for point, value in sorted(each.values.items())])
            for each in heard
        ]
        version = self._parts.changes.version
        return self._pages.live("unregistered", visit, self._first(visit), version, lines=lines, one=self._one(visit))

    async def health(self, visit: Visit) -> Response:
        """The links and the counters."""
        health = self._health(visit)
        links = sorted(health.links, key=lambda link: (link.up, link.name))
        version = self._parts.changes.version
        counters = sorted(health.counters.items())
        return self._pages.live(
            "health",
            visit,
            self._first(visit),
            version,
            links=links,
            counters=counters,
            clients=self._live.clients,
            one=self._one(visit),
        )

    async def health_json(self, visit: Visit) -> Response:
        """The same for a program. 503 while a link is down or none is known: a prober need not read the body."""
        health = self._health(visit)
        healthy = bool(health.links) and all(link.up for link in health.links)
        return JSONResponse(
            {
                "healthy": healthy,
                "version": self._parts.version,
                "now": self._parts.clock.now().isoformat(),
                "links": [_link_json(link) for link in health.links],
                "counters": dict(health.counters),
                "live_pages": self._live.clients,
            },
            200 if healthy else 503,
        )

    async def metrics(self, visit: Visit) -> Response:  # noqa: ARG002
        """The counters in Prometheus' text format."""
        return Response(generate_latest(self._parts.registry), media_type=CONTENT_TYPE_LATEST)

    async def history(self, visit: Visit) -> Response:
        """What happened lately, the newest first."""
        wished = visit.request.query_params.get("home", "")
        sites = [site for site in self._live.homes(visit) if wished in ("", site.id)]
        lines = []
        for site in sites:
            entries = await self._parts.history(site.id)
            lines += past_lines(entries, site, self._parts.engines.get(site.id), visit.words)
        # Turned round after the sort, so that what came of one input is newest first, too.
        lines.sort(key=lambda line: line.at)
        lines.reverse()
        names = {site.id: site.name.in_language(visit.words.language) for site in self._live.homes(visit)}
        first = sites[0] if sites else None
        lines, one = lines[:LINES_MAX], self._one(visit)
        return self._pages.page("history.html", visit, first, lines=lines, names=names, wished=wished, one=one)

    def _health(self, visit: Visit) -> Health:
        health = self._parts.health()
        links = tuple(link for link in health.links if not link.home or self._sees(visit, link.home))
        return Health(links=links, counters=health.counters)

    def _first(self, visit: Visit) -> Site | None:
        return next(iter(self._live.homes(visit)), None)

    def _one(self, visit: Visit) -> bool:
        """Whether there is one home only: its pages are then in reach from everywhere."""
        return len(list(self._live.homes(visit))) == 1


def _link_json(link: LinkState) -> dict[str, object]:
    return {
        "name": link.name,
        "up": link.up,
        "since": link.since.isoformat() if link.since is not None else None,
        "detail": link.detail,
        "home": link.home,
    }
