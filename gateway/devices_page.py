"""The page of supported devices, docs/devices.md and its Chinese sister, made from the catalogue and nothing else.

What stands on it cannot drift from the program: points, limits and grades are read from `devices/catalog.py`, the
points of an ecosystem from its golden messages (`devices/examples`), the installers' texts from
`devices/installation.py`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Final

from devices.catalog import CODECS, PROFILES, VARIANTS
from devices.cn_push import PlatformPush
from devices.codec import Grade, Profile
from devices.installation import INSTALLATIONS
from devices.installation_text import Example, Installation
from devices.reading import POINTS, Kind, Point, find_point
from gateway.devices_page_text import PAGE_TEXTS

PAGES: Final[dict[str, str]] = {"en": "devices.md", "zh": "devices.zh-CN.md"}
ZONE: Final = "floor-1"

NUMBERED: Final = ("cable_temp", "current.residual", "relay", "input")
"""Families of numbered points, as `find_point` knows them."""

_CODEC_OF: Final[dict[str, str]] = {
    "shelly-gen1": "shelly",
    "shelly-gen2": "shelly",
    "homeassistant-discovery": "homeassistant",
    "chirpstack-v4": "lorawan",
    "the-things-stack-v3": "lorawan",
    "ring-mqtt": "ring",
    "rtl_433": "rtl433",
    "custom-json": "devtank",
    "sparkplug-b": "sparkplug",
    "docker-wyze-bridge": "wyze",
}
"""Codecs of the golden messages whose ecosystem is named otherwise."""

_KINDS_OF: Final[dict[str, tuple[str, ...]]] = {
    "cameras": ("video",),
    "video-platforms": (),
    "gb26875": ("transmission_device", "fire_panel", "panel_part"),
}
"""What comes from no message with a topic: its points are those of its kinds."""


def pages() -> dict[str, str]:
    """The text of each page by its file's name."""
    return {name: page(language) for language, name in PAGES.items()}


def write(directory: Path) -> list[Path]:
    """Write the pages; those that changed."""
    changed = stale(directory)
    texts = pages()
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path.name], "utf-8")
    return changed


def stale(directory: Path) -> list[Path]:
    """The pages that are not what the catalogue says, or not there."""
    return [
        directory / name
        for name, text in pages().items()
        if not (directory / name).is_file() or (directory / name).read_text("utf-8") != text
    ]


def page(language: str) -> str:
    """The whole page in one language."""
    words = PAGE_TEXTS[language]
    lines = [words["head"], ""]
    if not any(profile.grade is Grade.GOLD for profile in (*PROFILES.values(), *VARIANTS.values())):
        lines += [words["no_gold"], ""]
    lines += [f"- [{getattr(one.name, language)}](#{one.id})" for one in INSTALLATIONS.values()]
    for one in INSTALLATIONS.values():
        lines += ["", *_installation(one, language)]
    lines += ["", *_kinds(language), "", *_points(language)]
    return "\n".join(lines) + "\n"


def _installation(one: Installation, language: str) -> Iterator[str]:
    words = PAGE_TEXTS[language]
    yield f'<a id="{one.id}"></a>'
    yield ""
    yield f"## {getattr(one.name, language)}"
    yield ""
    yield getattr(one.covers, language)
    yield ""
    points = points_of(one.id)
    if points:
        said = words["points_of_kinds"] if one.id in _KINDS_OF else words["points_of_messages"]
        yield f"{said} {', '.join(f'`{point}`' for point in points)}"
        yield ""
    for number, step in enumerate(one.steps, 1):
        yield f"{number}. {getattr(step, language)}"
    yield from ("", "```toml", f"# {words['main_file']}", one.settings.rstrip(), "")
    yield from (f"# {words['site_file']}", site_device(one).rstrip(), "```", "")
    if one.example is not None:
        yield from _example(one.example, one.address, language)
    yield f"{words['traps']}"
    yield ""
    for trap in one.traps:
        yield f"- {getattr(trap, language)}"


def site_device(one: Installation) -> str:
    """The entry of the snippet's device in the site file."""
    lines = [
        "[[device]]",
        f'id = "{one.kind.replace("_", "-")}-1"',
        f'kind = "{one.kind}"',
        *([f'profile = "{one.profile}"'] if one.profile else []),
        f'source = "{one.source}"',
        f'address = "{one.address}"',
        f'zone = "{ZONE}"',
        'name = {zh = "一号", en = "Number 1"}',
    ]
    return "\n".join(lines) + "\n"


def _example(example: Example, address: str, language: str) -> Iterator[str]:
    """A message to try; one that is not text is told by its size."""
    words = PAGE_TEXTS[language]
    value = json.dumps(example.value)
    for topic, payload in (*example.before, (example.topic, example.payload)):
        shown = payload.decode("utf-8", "replace")
        if not shown.isprintable():
            shown = words["binary"].format(bytes=len(payload))
        yield f"- `{topic}` `{shown}`"
    yield ""
    yield words["gives"].format(address=address, point=example.point, value=value)
    yield ""


def points_of(name: str) -> tuple[str, ...]:
    """The points that an ecosystem's golden messages and its message to try give, in the catalogue's order."""
    example = INSTALLATIONS[name].example
    found = {example.point} if example is not None else set()
    for kind in _KINDS_OF.get(name, ()):
        found.update(PROFILES[kind].points)
    for codec in CODECS if name in CODECS else ():
        if codec == name or (_is_platform_push(name) and _is_platform_push(codec)):
            found |= _proven().get(codec, set())
    order = {point: place for place, point in enumerate(POINTS)}
    return tuple(sorted(found, key=lambda point: (order.get(_family(point), len(order)), point)))


def _is_platform_push(codec: str) -> bool:
    """Whether it is one of the names under which all makers' pushes are understood alike."""
    made = CODECS[codec]
    return isinstance(made, type) and issubclass(made, PlatformPush)


def _family(point: str) -> str:
    """A numbered point stands where its family stands, where that is a point itself."""
    base, _, number = point.rpartition(".")
    return base if number.isdigit() and base in POINTS else point


@functools.cache
def _proven() -> dict[str, set[str]]:
    """The points in all golden messages by codec."""
    found: dict[str, set[str]] = {}
    for file in sorted((resources.files("devices") / "examples").iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".json"):
            continue
        said = json.loads(file.read_text("utf-8"))
        cases = said.get("cases", []) if isinstance(said, dict) else said
        for case in cases:
            named = case.get("codec") or case.get("ecosystem") or file.name.partition(".")[0].partition("_")[0]
            codec = _CODEC_OF.get(named, named)
            if codec not in INSTALLATIONS:
                raise ValueError(f"{file.name}: case {case.get('id')!r} is of no known codec ({named})")
            found.setdefault(codec, set()).update(_said(case))
    return found


def _said(case: dict[str, Any]) -> Iterator[str]:
    """The points that a case gives, whichever form it has."""
    meaning = case.get("meaning", {})
    for holder in (case, meaning, *meaning.get("events", ()), *case.get("reports", ())):
        readings = holder.get("readings", {}) if isinstance(holder, dict) else {}
        yield from readings


def _kinds(language: str) -> Iterator[str]:
    words = PAGE_TEXTS[language]
    yield from (words["kinds"], "", words["kinds_head"], "|---|---|---|---|---|---|---|---|")
    for base in PROFILES.values():
        for profile in (base, *(variant for variant in VARIANTS.values() if variant.kind == base.kind)):
            yield _kind_row(profile, language)
    yield from ("", words["kind_points"], "")
    for base in PROFILES.values():
        yield f"- `{base.kind}`: {', '.join(f'`{point}`' for point in base.points)}"


def _kind_row(profile: Profile, language: str) -> str:
    words = PAGE_TEXTS[language]
    units = {point: _unit_of(point) for point in profile.limits}
    limits = "; ".join(f"{point} {low:g} … {high:g} {units[point]}" for point, (low, high) in profile.limits.items())
    cells = (
        f"`{profile.id}`",
        getattr(profile, language),
        duration(profile.silence_limit, language),
        words["yes"] if profile.clears_are_trusted else words["no"],
        f"`{profile.category}`" if profile.category else "–",
        limits or "–",
        ", ".join(f"{mark:g}" for mark in profile.sentinels) or "–",
        str(profile.grade),
    )
    return f"| {' | '.join(cells)} |"


def _unit_of(name: str) -> str:
    point = find_point(name)
    return point.unit if point is not None else ""


def duration(span: timedelta, language: str) -> str:
    """A silence limit as people say it: `26 h 24 min`, `100 s`."""
    units = PAGE_TEXTS[language]
    seconds = int(span.total_seconds())
    if seconds < 600 and seconds % 60:
        return f"{seconds} {units['s']}"
    hours, minutes = divmod(seconds // 60, 60)
    parts = [f"{hours} {units['h']}"] * bool(hours) + [f"{minutes} {units['min']}"] * bool(minutes)
    return " ".join(parts)


def _points(language: str) -> Iterator[str]:
    words = PAGE_TEXTS[language]
    yield from (words["points"], "", words["points_head"], "|---|---|---|---|---|")
    for point in POINTS.values():
        yield _point_row(point.name, point, language)
    for family in NUMBERED:
        first = find_point(f"{family}.1")
        if first is not None:
            yield _point_row(f"{family}.#", first, language)


def _point_row(name: str, point: Point, language: str) -> str:
    words = PAGE_TEXTS[language]
    kind = words["text"] if point.name == "button" else words[Kind(point.kind).value]
    danger = f"`{point.category}`" if point.category else "–"
    return f"| `{name}` | {point.unit or '–'} | {kind} | {getattr(point, language)} | {danger} |"
