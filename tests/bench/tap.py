"""A tap between the gateway and its broker: what was delivered to it, and what it acknowledged, by the wire itself."""

from __future__ import annotations

import contextlib
import re
import socket
import threading

from tests.bench import packets

_NUMBER = re.compile(rb'"energy":(\d+)')


class Tap:
    """Listens on a port, forwards every connection to the broker, notes numbered packets as they pass."""

    def __init__(self, broker_port: int) -> None:
        self.delivered: set[int] = set()
        self.acknowledged: set[int] = set()
        self._broker_port = broker_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                down, _ = self._server.accept()
            except OSError:
                return
            try:
                up = socket.create_connection(("127.0.0.1", self._broker_port), 5)
            except OSError:
                down.close()
                continue
            up.settimeout(None)
            for one in (up, down):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            waiting: dict[int, int] = {}
            threading.Thread(target=self._to_gateway, args=(up, down, waiting), daemon=True).start()
            threading.Thread(target=self._to_broker, args=(down, up, waiting), daemon=True).start()

    def _to_gateway(self, up: socket.socket, down: socket.socket, waiting: dict[int, int]) -> None:
        buffer = bytearray()
        with contextlib.suppress(OSError):
            while read := up.recv(65_536):
                buffer += read
                for kind, flags, body in packets.parse(buffer):
                    found = _NUMBER.search(body) if kind == packets.PUBLISH and flags & 6 else None
                    if found is not None:
                        place = 2 + int.from_bytes(body[:2], "big")
                        waiting[int.from_bytes(body[place : place + 2], "big")] = int(found[1])
                        self.delivered.add(int(found[1]))
                down.sendall(read)
        _end(down)

    def _to_broker(self, down: socket.socket, up: socket.socket, waiting: dict[int, int]) -> None:
        buffer = bytearray()
        with contextlib.suppress(OSError):
            while read := down.recv(65_536):
                buffer += read
                for kind, _, body in packets.parse(buffer):
                    number = waiting.pop(int.from_bytes(body[:2], "big"), None) if kind == packets.PUBACK else None
                    if number is not None:
                        self.acknowledged.add(number)
                up.sendall(read)
        _end(up)

    def close(self) -> None:
        self._server.close()


def _end(connection: socket.socket) -> None:
    """Say that nothing more comes; what is on its way still arrives."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
