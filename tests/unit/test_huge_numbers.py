"""Numbers that no device measures, in every place where one stands: reports or a DecodeError, whatever the codec."""

from __future__ import annotations

from collections import defaultdict

import pytest

from devices.codec import DecodeError, Packet
from tests.fuzz_codecs import MANY_DIGITS, NUMBER, Corpus, check

CORPUS = Corpus()
PLACES_MAX = 40
HUGE = {
    "400-digits": b"1" * 400,
    "400-digits-negative": b"-" + b"1" * 400,
    "beyond-python": MANY_DIGITS,
    "beyond-a-float": b"1e400",
    "as-text": b'"' + b"9" * 400 + b'"',
}
PACKETS: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
for codec, topic, payload in CORPUS.packets:
    if not topic.endswith("bridge/devices"):
        PACKETS[codec].append((topic, payload))


@pytest.mark.parametrize("number", HUGE.values(), ids=HUGE)
@pytest.mark.parametrize("codec", [name for name in PACKETS if any(NUMBER.search(body) for _, body in PACKETS[name])])
def test_a_huge_number_anywhere_is_no_exception_but_the_one(codec: str, number: bytes) -> None:
    tried = 0
    for topic, payload in PACKETS[codec]:
        for place in list(NUMBER.finditer(payload))[:PLACES_MAX]:
            tried += 1
            changed = payload[: place.start()] + number + payload[place.end() :]
            context = CORPUS.contexts.get(codec, CORPUS.known)
            try:
                decoded = CORPUS.codecs[codec].decode(Packet(topic, changed), context)
            except DecodeError:
                continue
            for report in decoded.reports:
                check(report)
    assert tried
