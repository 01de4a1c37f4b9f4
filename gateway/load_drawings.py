"""The drawings (平面图) of zones: pictures beside the site file, there, readable and small enough for a phone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from rules.parse import Fault
from rules.site import Site

DRAWING_MAX: Final = 1024 * 1024
"""Bytes: more takes half a minute on a bad mobile link."""


def check_drawings(sites: Iterable[tuple[Path, Site]]) -> list[Fault]:
    """A warning for each drawing that is not there or too large: an alarm is shown without it."""
    faults = []
    for path, site in sites:
        for place, zone in enumerate(site.zones, 1):
            problem = _problem(path.parent / zone.drawing) if zone.drawing else ""
            if problem:
                mend = "Put the picture there, or take `drawing` out: alarms are shown without it"
                where = f"zone[{place}].drawing"
                faults.append(Fault(file=str(path), path=where, problem=problem, mend=mend, warning=True))
    return faults


def _problem(file: Path) -> str:
    try:
        size = file.stat().st_size if file.is_file() else -1
    except OSError as error:
        return f"{file} cannot be read: {error.strerror}"
    if size < 0:
        return f"{file} is not there"
    return f"{file} has {size} bytes, at most {DRAWING_MAX} are shown" if size > DRAWING_MAX else ""


def drawing_of(site_files: Mapping[str, Path], sites: Mapping[str, Site], home: str, zone: str) -> Path | None:
    """The file of a zone's drawing, or None where there is none that may be shown."""
    path, site = site_files.get(home), sites.get(home)
    found = next((each.drawing for each in site.zones if each.id == zone), "") if site is not None else ""
    if path is None or not found or _problem(path.parent / found):
        return None
    return path.parent / found
