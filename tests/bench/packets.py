"""Raw MQTT 3.1.1: packets made beforehand, so that the measuring ends cost next to nothing beside what they measure."""

from __future__ import annotations

import itertools
import socket
import struct
from collections.abc import Iterable, Iterator

from devices.virtual import VirtualPacket, load_mix

CONNECT, CONNACK, PUBLISH, PUBACK, SUBACK = 1, 2, 3, 4, 9
ID_MAX = 65_535
"""Packet identifiers are 16 bits and never 0 (MQTT 3.1.1, 2.3.1)."""


def _length(number: int) -> bytes:
    """The remaining length as MQTT writes it: 7 bits a byte (MQTT 3.1.1, 2.2.3)."""
    out = bytearray()
    while True:
        number, low = divmod(number, 128)
        out.append(low | (128 if number else 0))
        if not number:
            return bytes(out)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("!H", len(raw)) + raw


def connect(client_id: str, keepalive_s: int = 0) -> bytes:
    """A CONNECT with a clean session and no will."""
    body = _text("MQTT") + b"\x04\x02" + struct.pack("!H", keepalive_s) + _text(client_id)
    return bytes([CONNECT << 4]) + _length(len(body)) + body


def subscribe(packet_id: int, topics: Iterable[str]) -> bytes:
    """A SUBSCRIBE at QoS 1."""
    body = struct.pack("!H", packet_id) + b"".join(_text(topic) + b"\x01" for topic in topics)
    return b"\x82" + _length(len(body)) + body


def publish(topic: str, payload: bytes, packet_id: int, *, retained: bool = False) -> bytes:
    """A PUBLISH at QoS 1."""
    body = _text(topic) + struct.pack("!H", packet_id) + payload
    return bytes([PUBLISH << 4 | 2 | retained]) + _length(len(body)) + body


def parse(buffer: bytearray) -> Iterator[tuple[int, int, bytes]]:
    """Take the whole packets off the front of a buffer: (type, flags, body) of each."""
    start = 0
    while len(buffer) - start >= 2:
        size, shift, at = 0, 0, start + 1
        while True:
            if at >= len(buffer):
                break
            byte = buffer[at]
            size |= (byte & 127) << shift
            shift += 7
            at += 1
            if not byte & 128:
                break
        else:
            break
        if buffer[at - 1] & 128 or len(buffer) < at + size:
            break
        yield buffer[start] >> 4, buffer[start] & 15, bytes(buffer[at : at + size])
        start = at + size
    del buffer[:start]


def message_of(flags: int, body: bytes) -> tuple[str, int, bytes]:
    """Topic, packet identifier (0 at QoS 0) and payload of a PUBLISH of MQTT 3.1.1."""
    size = 2 + int.from_bytes(body[:2], "big")
    topic = body[2:size].decode()
    if flags & 6 == 0:
        return topic, 0, body[size:]
    return topic, int.from_bytes(body[size : size + 2], "big"), body[size + 2 :]


def opened(port: int, client_id: str, seconds: float = 10.0) -> socket.socket:
    """A blocking socket on which the broker has answered our CONNECT."""
    connection = socket.create_connection(("127.0.0.1", port), seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(connect(client_id))
    answer = connection.recv(4)
    if answer[:1] != bytes([CONNACK << 4]) or answer[3:4] != b"\x00":
        connection.close()
        raise ConnectionError(f"the broker refused {client_id}: {answer.hex()}")
    return connection


def mix(devices: int, count: int, seed: int = 1) -> list[VirtualPacket]:
    """The first `count` packets of the virtual home's load at QoS 1 (four of six are Zigbee2MQTT states)."""
    return list(itertools.islice(load_mix(devices, seed, qos=1), count))
