"""The procedure of a rule as steps that somebody ticks off, the same number in both languages."""

from __future__ import annotations

import re
from typing import Final

from rules.text import Text

_ENDS: Final = re.compile(r"(?<=[。；！？])\s*|(?<=[.;!?])\s+|\n+")
"""Where a step ends: at the end of a sentence or its part (in English a space stands behind it), or of a line."""
_TRAILING: Final = "；;"


def steps_of(procedure: Text) -> tuple[Text, ...]:
    """The steps in order. Where the languages do not tell the same number of them, the whole text is one step."""
    chinese, english = _split(procedure.zh), _split(procedure.en)
    if chinese and english and len(chinese) != len(english):
        return (procedure,)
    count = max(len(chinese), len(english))
    return tuple(
        Text(chinese[number] if chinese else "", english[number] if english else "") for number in range(count)
    )


def _split(text: str) -> list[str]:
    parts = (part.strip().rstrip(_TRAILING) for part in _ENDS.split(text))
    return [part for part in parts if part]
