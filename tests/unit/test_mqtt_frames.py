"""The frames that we read ourselves: every packet comes out once, in order, however the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mqtt_frames import take_publishes

Said = tuple[bytes, int, bytes, bool]


def _length(size: int) -> bytes:
    out = bytearray()
    while True:
        size, seven = divmod(size, 128)
        out.append(seven | (128 if size else 0))
        if not size:
            return bytes(out)


def _publish(said: Said, *, mqtt5: bool, flags: int = 2, properties: bytes = b"") -> bytes:
    topic, packet_id, payload, retained = said
    middle = bytes([len(properties)]) + properties if mqtt5 else b""
    identifier = packet_id.to_bytes(2, "big") if flags & 6 else b""
    body = len(topic).to_bytes(2, "big") + topic + identifier + middle + payload
    return bytes([0x30 | flags | retained]) + _length(len(body)) + body


def _whole(data: bytes) -> int:
    """The size of the packet at the head, as the library would find it; 0 if it is not whole."""
    size, shift = 0, 0
    for place in range(1, 5):
        if place >= len(data):
            return 0
        size |= (data[place] & 127) << shift
        shift += 7
        if data[place] < 128:
            total = place + 1 + size
            return total if total <= len(data) else 0
    return 0


plain = st.tuples(
    st.binary(min_size=1, max_size=20), st.integers(1, 65535), st.binary(max_size=40), st.booleans()
)
others = st.sampled_from([b"\xd0\x00", b"\x40\x02\x00\x07", b"\x90\x03\x00\x01\x01", b"\x30\x05\x00\x01tab"])


@given(st.lists(plain | others, max_size=8), st.booleans(), st.lists(st.integers(1, 30), min_size=1, max_size=5))
def test_every_packet_once_and_in_order(packets: list[Said | bytes], mqtt5: bool, cuts: list[int]) -> None:
    stream = b"".join(one if isinstance(one, bytes) else _publish(one, mqtt5=mqtt5) for one in packets)
    found: list[Said | bytes] = []
    buffer, at, turn = b"", 0, 0
    while at < len(stream):
        cut = cuts[turn % len(cuts)]
        buffer, at, turn = buffer + stream[at : at + cut], at + cut, turn + 1
        while True:
            used, odd = take_publishes(buffer, mqtt5, lambda *said: found.append(said))
            buffer = buffer[used:]
            whole = _whole(buffer) if odd else 0
            if not whole:
                break
            found.append(buffer[:whole])
            buffer = buffer[whole:]
    assert found == packets
    assert buffer == b""


SAID = (b"h/a", 7, b"{}", False)


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(_publish(SAID, mqtt5=True, flags=0), id="qos0"),
        pytest.param(_publish(SAID, mqtt5=True, flags=4), id="qos2"),
        pytest.param(_publish(SAID, mqtt5=True, properties=b"\x01\x01"), id="properties"),
        pytest.param(_publish((b"", 7, b"{}", False), mqtt5=True), id="topic-alias"),
        pytest.param(_publish((b"h/a", 7, b"x" * 20_000, False), mqtt5=True), id="three-bytes-of-length"),
        pytest.param(b"\x32\x05\x00\x09abc", id="topic-longer-than-the-packet"),
        pytest.param(b"\xd0\x00", id="pingresp"),
    ],
)
def test_what_is_not_plain_is_left_to_the_library(packet: bytes) -> None:
    taken: list[Said] = []
    before = _publish(SAID, mqtt5=True)
    assert take_publishes(before + packet, True, lambda *said: taken.append(said)) == (len(before), True)
    assert taken == [SAID]


def test_a_packet_sent_again_is_taken() -> None:
    taken: list[Said] = []
    again = _publish(SAID, mqtt5=False, flags=2 | 8)
    assert take_publishes(again, False, lambda *said: taken.append(said)) == (len(again), False)
    assert taken == [SAID]
