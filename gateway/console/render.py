"""Pages from templates: the words of the viewer's language, and times in the home's own zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.clock import STEP_LIMIT, Clock
from gateway.console.access import Sessions, Viewer
from gateway.console.texts import WORDS, Words
from rules.alarm import Category
from rules.site import Site

HERE = Path(__file__).parent

ICONS = {
    Category.FIRE: "火",
    Category.GAS: "气",
    Category.PERSON: "人",
    Category.ELECTRICAL: "电",
    Category.SUPERVISORY: "监",
    Category.TROUBLE: "障",
    Category.VIDEO: "像",
}


_TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_TEMPLATES.globals.update(icons=ICONS)


class Times:
    """Instants of the engine's time line as a person reads them: in the home's zone, shifted to the wall clock."""

    def __init__(self, clock: Clock, site: Site | None) -> None:
        self.now = clock.now()
        shift = clock.wall() - self.now
        self._shift = shift if abs(shift) > STEP_LIMIT else timedelta(0)
        self._zone, self.suffix = _zone_of(site)

    def clock(self, at: datetime) -> str:
        """Hours, minutes, seconds; with the date where that is another day."""
        local = self._local(at)
        today = self._local(self.now)
        form = "%H:%M:%S" if local.date() == today.date() else "%m-%d %H:%M:%S"
        return local.strftime(form) + self.suffix

    def minute(self, at: datetime) -> str:
        """Hours and minutes, as a roster says them; with the date where that is another day."""
        local = self._local(at)
        form = "%H:%M" if local.date() == self._local(self.now).date() else "%m-%d %H:%M"
        return local.strftime(form) + self.suffix

    def on_the_wall(self, at: datetime) -> str:
        """Date and time of an instant that is the wall clock's already (a kept sheet's)."""
        return at.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S") + self.suffix

    def iso(self, at: datetime) -> str:
        """For scripts: the instant on the engine's time line."""
        return at.astimezone(UTC).isoformat()

    def age(self, at: datetime) -> float:
        """Seconds since; never negative."""
        return max(0.0, (self.now - at).total_seconds())

    @property
    def day_seconds(self) -> float:
        """Seconds since local midnight: what the page's own clock starts from."""
        local = self._local(self.now)
        return local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6

    def at_clock(self, text: str) -> datetime | None:
        """The last instant at which the home's clock showed `HH:MM`; None if that is no time of day."""
        try:
            hour_minute = time.fromisoformat(text)
        except ValueError:
            return None
        now = self._local(self.now)
        local = datetime.combine(now.date(), hour_minute.replace(tzinfo=None), self._zone)
        if local > now:
            local -= timedelta(days=1)
        return local.astimezone(UTC) - self._shift

    def _local(self, at: datetime) -> datetime:
        return (at + self._shift).astimezone(self._zone)


def _zone_of(site: Site | None) -> tuple[tzinfo, str]:
    try:
        return ZoneInfo(site.timezone if site is not None else "Asia/Shanghai"), ""
    except (ZoneInfoNotFoundError, ValueError):
        # A machine without the zone's data, or a name that is none: UTC, and the time says so.
        return UTC, " UTC"


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: who looks, in which language."""

    request: Request
    viewer: Viewer
    words: Words

    @property
    def wants_fragment(self) -> bool:
        """Whether a live page asks for its live part only."""
        return "fragment" in self.request.query_params


class Pages:
    """Renders templates. A live page `NAME.html` has its live part in `_NAME.html`."""

    def __init__(self, clock: Clock, sessions: Sessions, version: str) -> None:
        self._clock = clock
        self._sessions = sessions
        self._version = version

    def times(self, site: Site | None) -> Times:
        """The times as this home's people read them."""
        return Times(self._clock, site)

    def text(self, template: str, visit: Visit, site: Site | None = None, **values: object) -> str:
        """A template as text."""
        session = visit.viewer.session
        return _TEMPLATES.get_template(template).render(
            version=self._version,
            t=visit.words,
            lang=visit.words.language,
            other=WORDS["en" if visit.words.language == "zh" else "zh"],
            viewer=visit.viewer,
            csrf=self._sessions.csrf_token(session) if session is not None else "",
            path=visit.request.url.path,
            time=self.times(site),
            site=site,
            **values,
        )

    def page(
        self, template: str, visit: Visit, site: Site | None = None, status: int = 200, **values: object
    ) -> HTMLResponse:
        """A whole page."""
        return HTMLResponse(self.text(template, visit, site, **values), status)

    def live(
        self, name: str, visit: Visit, site: Site | None, version: int, status: int = 200, **values: object
    ) -> HTMLResponse:
        """A live page, or its live part where that was asked for; `X-Version` says which change it shows."""
        template = f"_{name}.html" if visit.wants_fragment else f"{name}.html"
        text = self.text(template, visit, site, **values)
        return HTMLResponse(text, status, headers={"x-version": str(version)})

    def message(self, visit: Visit, status: int, title: str, detail: str = "", *, urgent: bool = False) -> HTMLResponse:
        """A page that says one thing. `urgent`: with the way to call 119."""
        return self.page("message.html", visit, None, status, title=title, detail=detail, urgent=urgent)
