"""The publisher of the load, a process of its own: `python -m tests.bench.publisher '{"port": …, "mode": "flood", …}'`.

Modes: `flood` (as fast as the broker takes it, `window` unacknowledged), `paced` (`rate` a second for `seconds`),
`numbered` (paced; every packet carries a number of its own, and what has no PUBACK is sent again after a
reconnect: what it printed as acknowledged is the broker's responsibility). Answers one JSON line at the end.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from typing import Any

from tests.bench import packets

CHUNK = 32
POOL = 60_000


def _pool(order: dict[str, Any]) -> list[bytes]:
    """Ready packets with the identifiers 1 to n, in chunks; as many as the flood has, or as fit the identifiers."""
    count = min(order["count"], POOL)
    topic = order.get("root", "")
    made = packets.mix(order["devices"], count, order.get("seed", 1))
    return [packets.publish(topic + p.topic, p.payload, n + 1) for n, p in enumerate(made)]


def _acknowledged(connection: socket.socket, wait_s: float) -> int:
    """How many PUBACKs came: 4 bytes each, and nothing else is sent to a publisher."""
    ready, _, _ = select.select([connection], [], [], wait_s)
    if not ready:
        return 0
    read = connection.recv(65_536)
    if not read:
        raise ConnectionError("the broker closed the connection")
    rest = -len(read) % 4
    while rest:
        more = connection.recv(rest)
        rest -= len(more)
        read += more
    return len(read) // 4


def flood(order: dict[str, Any]) -> dict[str, Any]:
    """Send `count` messages with at most `window` without PUBACK."""
    pool = _pool(order)
    chunks = [b"".join(pool[at : at + CHUNK]) for at in range(0, len(pool), CHUNK)]
    sizes = [len(pool[at : at + CHUNK]) for at in range(0, len(pool), CHUNK)]
    connection = packets.opened(order["port"], order["client"])
    print("ready", flush=True)
    sys.stdin.readline()
    window, count = order["window"], order["count"]
    sent = acknowledged = 0
    began = time.monotonic()
    cpu = time.process_time()
    place = 0
    while acknowledged < count:
        if sent < count and sent - acknowledged < window:
            connection.sendall(chunks[place])
            sent += sizes[place]
            place = (place + 1) % len(chunks)
            acknowledged += _acknowledged(connection, 0.0)
        else:
            acknowledged += _acknowledged(connection, 30.0)
    ended = time.monotonic()
    return {"sent": sent, "began": began, "ended": ended, "cpu": time.process_time() - cpu}


def paced(order: dict[str, Any]) -> dict[str, Any]:
    """Send `rate` messages a second for `seconds`, each at its own instant."""
    rate, seconds = order["rate"], order["seconds"]
    pool = _pool({**order, "count": min(POOL, int(rate * seconds))})
    connection = packets.opened(order["port"], order["client"])
    print("ready", flush=True)
    sys.stdin.readline()
    total = int(rate * seconds)
    began = time.monotonic()
    sent = acknowledged = 0
    while sent < total:
        due = int((time.monotonic() - began) * rate) + 1
        if due > sent:
            last = min(due, total, sent + CHUNK)
            connection.sendall(b"".join([pool[n % len(pool)] for n in range(sent, last)]))
            sent = last
        wait_s = max(began + sent / rate - time.monotonic(), 0.0)
        acknowledged += _acknowledged(connection, wait_s)
        left = began + sent / rate - time.monotonic()
        if left > 0:
            time.sleep(left)
    while acknowledged < total:
        acknowledged += _acknowledged(connection, 10.0)
    return {"sent": sent, "began": began, "ended": time.monotonic()}


class Numbered:
    """Sends numbered packets, notes which were acknowledged, and repeats the others on every new connection."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.unacknowledged: dict[int, bytes] = {}
        self.number_of: dict[int, int] = {}
        self.acknowledged: list[int] = []
        self.reconnects = 0
        self._buffer = bytearray()
        self._connection = packets.opened(order["port"], order["client"])

    def run(self) -> dict[str, Any]:
        rate, total = self.order["rate"], int(self.order["rate"] * self.order["seconds"])
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.monotonic()
        sent = 0
        while sent < total or self.unacknowledged:
            due = min(int((time.monotonic() - began) * rate) + 1, total, sent + CHUNK)
            if len(self.unacknowledged) > packets.ID_MAX // 2:
                due = sent
            fresh = [self._packet(n) for n in range(sent, due)]
            sent = max(due, sent)
            try:
                self._connection.sendall(b"".join(fresh))
                wait_s = began + sent / rate - time.monotonic() if sent < total else 1.0
                self._listen(max(wait_s, 0.0))
            except OSError:
                self._come_back()
        return {"acknowledged": self.acknowledged, "sent": sent, "reconnects": self.reconnects, "began": began}

    def _packet(self, number: int) -> bytes:
        packet_id = number % packets.ID_MAX + 1
        alarm_every, carried = self.order["alarm_every"], self.order["first"] + number
        if number % alarm_every == alarm_every - 1:
            smoke = self.order["alarm_from"] + number // alarm_every
            topic, payload = f"h/load/zigbee2mqtt/smoke-{smoke}", b'{"smoke":true,"battery":91,"linkquality":80}'
        elif number % 2:
            topic = f"h/load/zigbee2mqtt/load-{number % 80 * 6}"
            payload = b'{"current":0.31,"energy":%d,"linkquality":97,"power":64.5,"state":"ON","voltage":229}' % carried
        else:
            topic = f"anlian/v1/load/load-{number % 80 * 6 + 2}/telemetry"
            payload = b'{"points":{"energy":%d,"current.a":4.2,"current.residual":38,"voltage.a":229.4}}' % carried
        made = packets.publish(topic, payload, packet_id)
        self.unacknowledged[packet_id] = made
        self.number_of[packet_id] = number
        return made

    def _listen(self, wait_s: float) -> None:
        ready, _, _ = select.select([self._connection], [], [], wait_s)
        if not ready:
            return
        read = self._connection.recv(65_536)
        if not read:
            raise ConnectionError("the broker closed the connection")
        self._buffer += read
        for kind, _, body in packets.parse(self._buffer):
            packet_id = int.from_bytes(body[:2], "big")
            if kind == packets.PUBACK and self.unacknowledged.pop(packet_id, None) is not None:
                self.acknowledged.append(self.number_of[packet_id])

    def _come_back(self) -> None:
        self.reconnects += 1
        self._connection.close()
        self._buffer.clear()
        end = time.monotonic() + 30.0
        while True:
            try:
                self._connection = packets.opened(self.order["port"], self.order["client"])
                self._connection.sendall(b"".join(self.unacknowledged.values()))
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)


def main() -> None:
    """Read the order, do it, answer."""
    order = json.loads(sys.argv[1])
    mode = order["mode"]
    answer = Numbered(order).run() if mode == "numbered" else {"flood": flood, "paced": paced}[mode](order)
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
