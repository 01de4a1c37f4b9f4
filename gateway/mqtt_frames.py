"""The frames of MQTT as they come by the thousand: PUBLISH at QoS 1 without properties, below 16 KiB. Pure.

Everything else is the library's to read (docs/decisions/0001); four calls of it for each packet cost a tenth of the
gateway's time under a flood.
"""

from __future__ import annotations

from collections.abc import Callable

Take = Callable[[bytes, int, bytes, bool], None]
"""topic, packet identifier, payload, retained"""


def take_publishes(data: bytes, mqtt5: bool, take: Take) -> tuple[int, bool]:
    """Take the packets at the head of `data`: how many bytes they were, and whether another kind of packet follows.

    A packet that is not whole yet is left for the next call. (MQTT 5.0 sections 2.1.4 and 3.3: a fixed header of type
    and flags, the remaining length in 1 to 4 bytes of 7 bits, topic, packet identifier, properties, payload.)
    """
    at, end = 0, len(data)
    behind = 3 if mqtt5 else 2  # the packet identifier, and the length of the properties: 0
    while end - at >= 3:
        first, length, start = data[at], data[at + 1], at + 2
        if length > 127:
            if data[start] > 127:
                return at, True
            length += (data[start] << 7) - 128
            start += 1
        stop = start + length
        if stop > end:
            return at, False
        if first & 0xF6 != 0x32 or length < 5:
            return at, True
        topic_at = start + 2
        topic_end = topic_at + (data[start] << 8 | data[start + 1])
        payload_at = topic_end + behind
        if topic_at == topic_end or payload_at > stop or (mqtt5 and data[payload_at - 1]):
            return at, True
        packet_id = data[topic_end] << 8 | data[topic_end + 1]
        take(data[topic_at:topic_end], packet_id, data[payload_at:stop], first & 1 == 1)
        at = stop
    # Two bytes may be a whole packet of another kind (PINGRESP).
    return at, end - at == 2
