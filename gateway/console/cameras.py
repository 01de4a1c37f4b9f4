"""What a camera's row says: whether it is on line, how old its last frame is, and whether its picture is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from devices.reading import Value
from gateway.console.texts import Words

CAMERA: Final = "video"
"""The kind of device that such a row is of."""

POINTS: Final = frozenset({"video.online", "video.frame_age", "video.blank"})
"""What the words are made of: these values are not shown as well."""


def camera_words(values: Mapping[str, Value], since_s: float, words: Words) -> tuple[tuple[str, str], ...]:
    """Labels and words for a camera whose values came `since_s` ago. The frame of one that is off line is no news."""
    on_line, age, blank = (values.get(point) for point in ("video.online", "video.frame_age", "video.blank"))
    if on_line is None and age is None:
        return ((words("camera.link"), words("camera.unknown")),)
    if on_line is False:
        return ((words("camera.link"), words("camera.off_line")),)
    link = "camera.on_line" if on_line else "camera.unknown"
    lines = [(words("camera.link"), words(link))]
    if isinstance(age, float) and not isinstance(age, bool):
        lines.append((words("camera.frame"), words("devices.ago", age=words.age(age + since_s))))
    picture = "camera.not_looked" if blank is None else "camera.blank" if blank else "camera.good"
    lines.append((words("camera.picture"), words(picture)))
    return tuple(lines)
