"""Text in the two languages of the network."""

from __future__ import annotations

import msgspec


class Text(msgspec.Struct, frozen=True, gc=False):
    """The same words in Chinese and English. Where English is missing, the Chinese words are shown."""

    zh: str
    en: str = ""

    def in_language(self, language: str) -> str:
        """The words in `language` ("zh" or "en"), or the ones there are."""
        return (self.en or self.zh) if language == "en" else (self.zh or self.en)
