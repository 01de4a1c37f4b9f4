"""What the engine refused, in words for a person: names in place of ids, and what to do instead."""

from __future__ import annotations

from gateway.console.board import person_words, subject_words
from gateway.console.parts import ShownEngine
from gateway.console.texts import Words
from rules.site import Site

_TAKEN = "already acknowledged by "
_STILL = "the detector still reports the alarm"
_NO_LATCH = "this alarm does not latch"
_OF_PACKETS = ("gateway.undecodable", "gateway.faulted", "gateway.refused", "gateway.clock", "gateway.implausible.")
"""Troubles about single packets: they end when none came for 10 minutes (rules/troubles.py, CLEARS_AFTER)."""


def refusal_words(site: Site, engine: ShownEngine, reason: str, words: Words) -> str:
    """One reason of the engine. It knows ids and English; people know names, and want to know what to do."""
    if reason.startswith(_TAKEN):
        person, _, other = reason.removeprefix(_TAKEN).partition(" and ")
        if other:
            return words("refused.taken_by_two", who=person_words(site, person), other=person_words(site, other))
        return words("refused.taken", who=person_words(site, person) or words("refused.somebody"))
    # A subject may hold a colon itself (`source:main`), but none with a space behind it.
    subject, colon, why = reason.partition(": ")
    if not colon or not _is_subject(engine, subject):
        return words.reason(reason)
    between = "：" if words.language == "zh" else ": "
    return f"{subject_words(engine, subject, words)}{between}{_why(engine, subject, why, words)}"


def _is_subject(engine: ShownEngine, text: str) -> bool:
    return text in engine.devices or any(alarm.subject == text for alarm in engine.alarms.values())


def _why(engine: ShownEngine, subject: str, why: str, words: Words) -> str:
    alarms = [alarm for alarm in engine.alarms.values() if alarm.subject == subject]
    if why.startswith(_STILL) and any(alarm.latched and not alarm.clears_are_trusted for alarm in alarms):
        return words("refused.tick")
    if why.startswith(_NO_LATCH) and any(alarm.rule.startswith(_OF_PACKETS) for alarm in alarms):
        return words("refused.quiet")
    return words.reason(why)
