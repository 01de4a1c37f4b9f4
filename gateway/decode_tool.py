"""`anlian decode`: what would the gateway make of this message? An installer's first tool, without any settings.

One JSON object a line in, one a line out, in the same order. Context that earlier messages give (discovery, device
lists, births) is kept for the later ones, as the gateway would.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from devices.catalog import CODECS
from devices.codec import Codec, DecodeError, Packet
from devices.homeassistant_announced import Context, state_topics
from devices.identify import Candidate, candidates, sign_of_life
from devices.reading import DANGER_POINTS, Quality, Report

LINE_MAX = 16 * 1024 * 1024
_KEPT_WORDS = 24
_REFUSED_MAX = 1000
_SELF_EXPLAINING = frozenset({"zigbee2mqtt", "zwavejs", "ring", "rtl433", "frigate", "wyze", "neolink"})
"""Codecs whose messages say units and meaning themselves: what discovery says of their topics adds nothing."""


class LineError(Exception):
    """A line of input is not a message; the text says what is wrong with it."""


class DecodeTool:
    """The codecs of all ecosystems, each made when a message asks for it, with the context it has by now."""

    def __init__(self) -> None:
        self._codecs: dict[tuple[str, str], Codec] = {}
        self._contexts: dict[tuple[str, str], Any] = {}
        self._refused: dict[str, str] = {}

    def decode(self, topic: str, payload: bytes, *, retained: bool = False) -> dict[str, Any]:
        """The meaning of one message as plain data, or {"error": …}."""
        packet = Packet(topic, payload, retained=retained)
        tried: list[str] = []
        likely = candidates(topic, payload)
        announced = self._announced(topic)
        if announced is not None and not any(one.sure and one.codec in _SELF_EXPLAINING for one in likely):
            answer = self._as_announced(announced, likely, packet)
            if answer is not None:
                return answer
        for candidate in likely:
            try:
                reports, learned = self._try(candidate, packet)
            except DecodeError as fault:
                self._remember_refusal(packet, fault)
                if candidate.sure:
                    return {"error": f"{candidate.codec}: {fault}"}
                tried.append(f"{candidate.codec}: {fault}")
                continue
            if announced is not None and not any(report.readings for report in reports):
                answer = self._as_announced(announced, (), packet)
                if answer is not None and answer.get("readings"):
                    return answer
            if reports or learned or candidate.sure:
                return meaning(reports)
        life = sign_of_life(topic, payload)
        if life is not None:
            return meaning((life,))
        refused = self._refused.get(topic)
        if refused is not None:
            return {"error": f"homeassistant: {topic[:80]} was announced, but {refused}"}
        words = f"looked like {'; '.join(tried)}" if tried else "no ecosystem known to the gateway has such a topic"
        return {"error": f"topic: expected one of a known ecosystem, found {topic[:80]!r} ({words})"}

    def _announced(self, topic: str) -> Candidate | None:
        """Home Assistant's codec, where a configuration that it understood named this topic."""
        for (codec, prefix), context in self._contexts.items():
            if isinstance(context, Context) and (topic in context.topics or topic in context.availability):
                return Candidate(codec, prefix)
        return None

    def _as_announced(
        self, announced: Candidate, likely: tuple[Candidate, ...], packet: Packet
    ) -> dict[str, Any] | None:
        """What an announced topic says: in the words of its configuration, which knows units and meaning.

        A danger that the topic's own ecosystem sees in it besides is never left out.
        """
        try:
            reports, _ = self._try(announced, packet)
        except DecodeError as fault:
            return {"error": f"{announced.codec}: {fault}"}
        if not any(report.readings or report.events for report in reports):
            return None if not any(one.sure and one.codec != "homeassistant" for one in likely) else meaning(reports)
        for candidate in likely:
            if candidate.sure and candidate.codec != announced.codec:
                reports = (*reports, *self._dangers(candidate, packet, reports))
        return meaning(reports)

    def _dangers(self, candidate: Candidate, packet: Packet, said: tuple[Report, ...]) -> tuple[Report, ...]:
        """The dangers that a codec sees in a packet and that nothing was said of yet."""
        points = {reading.point for report in said for reading in report.readings}
        try:
            reports, _ = self._try(candidate, packet)
        except DecodeError:
            return ()
        found = []
        for report in reports:
            dangers = (r for r in report.readings if r.value is True and r.point in DANGER_POINTS)
            new = tuple(reading for reading in dangers if reading.point not in points)
            if new:
                found.append(Report(report.device, new, report.measured_at))
        return tuple(found)

    def _try(self, candidate: Candidate, packet: Packet) -> tuple[tuple[Report, ...], bool]:
        """What one codec makes of it, and whether it learned from it."""
        key = (candidate.codec, candidate.prefix)
        codec = self._codecs.get(key)
        if codec is None:
            codec = self._codecs[key] = CODECS[candidate.codec](prefix=candidate.prefix)
        before = self._contexts.get(key)
        decoded = codec.decode(packet, before)
        self._contexts[key] = decoded.context
        return decoded.reports, before is not None and decoded.context != before

    def _remember_refusal(self, packet: Packet, fault: DecodeError) -> None:
        """The state topics of a configuration that was refused: what comes there is not understood for that reason."""
        if not packet.topic.endswith("/config") or len(self._refused) >= _REFUSED_MAX:
            return
        for topic in state_topics(packet.payload):
            self._refused[topic] = f"its configuration {packet.topic[:80]} was refused: {fault}"

    def run(self, lines: Iterable[bytes]) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
        """The answer to each line, with the message it answers (None if it could not be read)."""
        for number, line in enumerate(lines, 1):
            try:
                message = read_line(line)
            except LineError as fault:
                yield {"error": f"line {number}: {fault}"}, None
                continue
            answer = self.decode(message["topic"], message["payload"], retained=message["retain"])
            yield answer, message


def read_line(line: bytes) -> dict[str, Any]:
    """A line as topic, payload bytes and retain flag; LineError says what it lacks."""
    if len(line) > LINE_MAX:
        raise LineError(f"{len(line)} bytes; at most {LINE_MAX}")
    if not line.strip():
        raise LineError("it is blank: expected one JSON object a line")
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as fault:
        raise LineError(f"not JSON: {fault}") from fault
    if not isinstance(said, dict):
        raise LineError('expected an object with "topic" and "payload" or "base64"')
    topic, retain = said.get("topic"), said.get("retain", False)
    if not isinstance(topic, str):
        raise LineError('"topic" must be a text')
    if not isinstance(retain, bool):
        raise LineError('"retain" must be true or false')
    return {"topic": topic, "payload": _payload(said), "retain": retain}


def _payload(said: dict[str, Any]) -> bytes:
    wrapped = said.get("payload")
    coded = said.get("base64")
    if coded is None and isinstance(wrapped, dict) and wrapped.keys() == {"base64"}:
        coded = wrapped["base64"]
    if coded is not None:
        try:
            return base64.b64decode(coded, validate=True)
        except (binascii.Error, TypeError, ValueError) as fault:
            raise LineError(f'"base64" cannot be read: {fault}') from fault
    if "payload" not in said:
        raise LineError('"payload" or "base64" is missing')
    if isinstance(wrapped, str):
        return wrapped.encode("utf-8", "surrogatepass")
    return json.dumps(wrapped, ensure_ascii=False).encode("utf-8", "surrogatepass")


def meaning(reports: tuple[Report, ...]) -> dict[str, Any]:
    """The reports of one message as plain data. Of several devices each stands in `events`, with its readings."""
    if not reports:
        return {"device": None, "readings": {}, "events": [], "time": None}
    if len(reports) == 1:
        return _of(reports[0])
    first, *others = reports
    # A node or gateway that speaks for what is below it is itself the message's device.
    own_below = all(report.device.startswith(f"{first.device}/") for report in others)
    several: list[dict[str, Any]] = []
    for report in others if own_below else reports:
        one = _of(report)
        own = {"device": one["device"], "readings": one["readings"]}
        if one["time"] is not None:
            own["time"] = one["time"]
        if one["events"]:
            own["events"] = one["events"]
        several.append(own)
    if own_below:
        answer = _of(first)
        answer["events"] += several
        return answer
    return {"device": None, "readings": {}, "events": several, "time": None}


def _of(report: Report) -> dict[str, Any]:
    events: list[dict[str, Any]] = [dict(event) for event in report.events]
    readings = {}
    for reading in report.readings:
        if reading.quality is Quality.BAD:
            events.append({"type": "implausible", "point": reading.point, "value": str(reading.value)})
        else:
            readings[reading.point] = reading.value
    return {"device": report.device, "readings": readings, "events": events, "time": instant(report.measured_at)}


def instant(at: datetime | None) -> str | None:
    """RFC 3339 in UTC with Z, fractions only where there are any."""
    if at is None:
        return None
    text = at.isoformat().replace("+00:00", "Z")
    return text if "." not in text else text.rstrip("Z").rstrip("0").rstrip(".") + "Z"


def report_for_maintainer(
    seen: Iterable[tuple[dict[str, Any], dict[str, Any] | None]], salt: bytes
) -> dict[str, Any]:
    """What a maintainer needs of messages that were not understood, without personal data.

    Kept: topic shape, keys, kinds of values, short lower-case words (enumerations), the answer's error. Every other
    text and every level of a topic that is not such a word is replaced by a hash, every number by its kind. The hash
    is salted anew for each report: a phone number has so few digits that all of them could be tried.
    """
    return {
        "about": "texts are hashed, numbers replaced by their kind; keys and short lower-case words are kept",
        "messages": [
            {
                "topic": "/".join(_masked(level, salt) for level in message["topic"].split("/")),
                "retain": message["retain"],
                "payload": _shape(message["payload"], salt),
                "answer": "error" if "error" in answer else "understood",
                "points": sorted(answer.get("readings", {})),
            }
            for answer, message in seen
            if message is not None
        ],
    }


def _hash(data: bytes, salt: bytes) -> str:
    return hashlib.blake2b(data, key=salt, digest_size=8).hexdigest()


def _masked(text: str, salt: bytes) -> str:
    plain = text.isascii() and text.replace("_", "").isalpha() and text == text.lower() and len(text) <= _KEPT_WORDS
    return text if plain or not text else "#" + _hash(text.encode("utf-8", "replace"), salt)[:8]


def _shape(payload: bytes, salt: bytes) -> Any:
    try:
        return _masked_value(msgspec.json.decode(payload), salt)
    except (msgspec.MsgspecError, RecursionError):
        return {"bytes": len(payload), "hash": _hash(payload, salt)}


def _masked_value(value: Any, salt: bytes) -> Any:
    if isinstance(value, dict):
        names = {key: key if len(key) <= 2 * _KEPT_WORDS else _masked(key, salt) for key in value}
        return {names[key]: _masked_value(inner, salt) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked_value(inner, salt) for inner in value[:20]]
    if isinstance(value, str):
        return _masked(value, salt)
    return value if value is None or isinstance(value, bool) else f"<{type(value).__name__}>"


def write_report(path: Path, seen: Iterable[tuple[dict[str, Any], dict[str, Any] | None]], salt: bytes) -> None:
    """The report as a JSON file."""
    text = json.dumps(report_for_maintainer(seen, salt), ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8", errors="replace")
