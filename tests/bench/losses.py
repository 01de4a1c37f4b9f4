"""What is lost when something dies under load: the gateway, the broker, the store. Every packet carries a number."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.bench import packets
from tests.bench.machine import Noise
from tests.bench.plant import HOME, Broker, Gateway, PlantFailed, Publishing, Store
from tests.bench.rows import Row
from tests.bench.tap import Tap

PART = "Losses (numbered packets and one smoke alarm in every 200 of them)"
ALARM_EVERY = 200
DEVICES = 480
BEHIND_S = 1.0
"""How long the gateway stands still before the broker is killed: a broker whose queue is empty has nothing to lose."""


class Heard:
    """What was announced: a connection that comes back after every death of the broker, and what is retained."""

    def __init__(self, port: int) -> None:
        self.ids: dict[str, set[str]] = {}
        self.messages = 0
        self._port = port
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._listen(f"anlian/v1/{HOME}/alarm", "bench-heard", None)
            except OSError:
                time.sleep(0.1)

    def look_at_retained(self, seconds: float = 1.0) -> None:
        """Take in what the broker keeps as open now, for what was announced while nobody could hear it."""
        self._listen(f"anlian/v1/{HOME}/alarm/+", "bench-retained", time.monotonic() + seconds)

    def _listen(self, topic: str, client: str, end: float | None) -> None:
        connection = packets.opened(self._port, client)
        connection.settimeout(0.3)
        connection.sendall(packets.subscribe(1, [topic]))
        buffer = bytearray()
        with connection:
            while not self._ended.is_set() and (end is None or time.monotonic() < end):
                try:
                    read = connection.recv(65_536)
                except TimeoutError:
                    continue
                if not read:
                    raise ConnectionError("closed")
                buffer += read
                for kind, flags, body in packets.parse(buffer):
                    if kind == packets.PUBLISH:
                        _, packet_id, payload = packets.message_of(flags, body)
                        if packet_id:
                            connection.sendall(b"\x40\x02" + packet_id.to_bytes(2, "big"))
                        self._note(payload)

    def _note(self, payload: bytes) -> None:
        said = json.loads(payload) if payload else {}
        if said.get("category") == "fire":
            self.messages += 1
            self.ids.setdefault(said["subject"], set()).add(said["id"])

    def close(self) -> None:
        self._ended.set()
        self._thread.join(5)


class Outcome(msgspec.Struct, frozen=True):
    """What became of one load."""

    sent: int
    lost: int
    unsafe: int
    received_lost: int
    broker_lost: int
    doubled_rows: int
    alarms: int
    alarms_lost: int
    alarms_doubled: int
    slowest_s: float
    noise: float


class Losses:
    """One durable broker, one store, one gateway behind a tap; one load after the other with something dying."""

    def __init__(self, folder: Path, *, rate: int, seconds: float, settled_s: float) -> None:
        self.rate = rate
        self._settled_s = settled_s
        self.seconds = seconds
        self._alarms = int(rate * seconds) // ALARM_EVERY
        self._loads = 0
        self.broker = Broker(folder / "broker", durable=True).start()
        self.store = Store(folder / "store").begin()
        self.tap = Tap(self.broker.port)
        self.gateway = Gateway(
            folder / "gateway", self.tap.port, self.store, devices=DEVICES, smokes=(self._alarms + 10) * 4
        )
        self.gateway.publish_definitions()
        self.gateway.start()
        self.heard = Heard(self.broker.port)

    def close(self) -> None:
        self.heard.close()
        self.gateway.stop()
        self.tap.close()
        self.store.kill()
        self.broker.stop()

    def load(self, disturb: Callable[[], None]) -> Outcome:
        """Publish a load, let `disturb` do its work meanwhile, wait until nothing more arrives, compare."""
        first, alarm_from = self._loads * 1_000_000, self._loads * (self._alarms + 10)
        self._loads += 1
        publishing = Publishing(
            mode="numbered",
            port=self.broker.port,
            client="bench-numbered",
            rate=self.rate,
            seconds=self.seconds,
            alarm_every=ALARM_EVERY,
            alarms=self._alarms,
            first=first,
            alarm_from=alarm_from,
        )
        noise = Noise()
        try:
            publishing.go()
            time.sleep(self.seconds * 0.3)
            disturb()
            answer = publishing.answer()
        finally:
            publishing.stop()
        began = time.monotonic()
        numbered = {first + n for n in range(answer["sent"]) if n % ALARM_EVERY != ALARM_EVERY - 1}
        stored = self._settle(numbered)
        waited = time.monotonic() - began
        self._retained()
        acknowledged = {first + n for n in answer["acknowledged"]}
        subjects = [f"smoke-{alarm_from + n}" for n in range(answer["sent"] // ALARM_EVERY)]
        missing = numbered - stored.keys()
        return Outcome(
            sent=answer["sent"],
            lost=len(missing),
            unsafe=len(self.tap.acknowledged & missing),
            received_lost=len(self.tap.delivered & missing),
            broker_lost=len((missing & acknowledged) - self.tap.delivered),
            doubled_rows=sum(stored[n] - 1 for n in numbered & stored.keys()),
            alarms=len(subjects),
            alarms_lost=sum(subject not in self.heard.ids for subject in subjects),
            alarms_doubled=sum(len(self.heard.ids.get(subject, ())) > 1 for subject in subjects),
            slowest_s=waited,
            noise=noise.share(),
        )

    def _settle(self, numbered: set[int]) -> Counter[int]:
        """The numbers that are stored, once all are or none has come for a while."""
        last, moved_at = -1, time.monotonic()
        while True:
            stored = Counter(self.store.numbers())
            found = len(numbered & stored.keys())
            if found != last:
                last, moved_at = found, time.monotonic()
            if found == len(numbered) or time.monotonic() - moved_at > self._settled_s:
                return stored
            time.sleep(0.5)

    def _retained(self) -> None:
        try:
            self.heard.look_at_retained()
        except OSError as error:
            raise PlantFailed(f"the broker does not answer: {error}") from error

    # what may happen

    def kill_gateway(self) -> None:
        """kill -9, twice, started again at once."""
        for _ in range(2):
            self.gateway.kill()
            self.gateway.start()
            time.sleep(self.seconds * 0.15)

    def restart_broker(self) -> None:
        """A clean restart, as an upgrade does it."""
        self.broker.stop()
        time.sleep(0.5)
        self.broker.start()

    def kill_store(self) -> None:
        """InfluxDB dies and stays away for a while."""
        self.store.kill()
        time.sleep(self.seconds * 0.4)
        self.store.start()
        self.store.await_answer()

    def kill_broker(self) -> None:
        """The broker dies while its reader is behind: what it had queued and not saved is gone."""
        os.kill(self.gateway.pid, signal.SIGSTOP)
        time.sleep(BEHIND_S)
        self.broker.stop(signal.SIGKILL)
        os.kill(self.gateway.pid, signal.SIGCONT)
        time.sleep(0.5)
        self.broker.start()


def measure(folder: Path, *, rate: int, seconds: float, settled_s: float, say: Callable[[str], None]) -> list[Row]:
    """The four deaths, one after the other, on one plant.

    Where nothing new is stored for `settled_s`, what is missing counts as lost: the gateway tries a store that was
    away, and a broker, again within a few seconds.
    """
    plant = Losses(folder, rate=rate, seconds=seconds, settled_s=settled_s)
    rows: list[Row] = []
    try:
        for name, disturb in (
            ("kill -9 of the gateway, twice", plant.kill_gateway),
            ("a clean restart of the broker", plant.restart_broker),
            ("kill -9 of InfluxDB, away for a while", plant.kill_store),
            ("kill -9 of the broker", plant.kill_broker),
        ):
            outcome = plant.load(disturb)
            say(
                f"{name}: {outcome.sent:,} sent, {outcome.lost} lost, alarms {outcome.alarms}: "
                f"{outcome.alarms_lost} lost, {outcome.alarms_doubled} doubled"
            )
            rows += _broker_rows(rate, outcome) if disturb == plant.kill_broker else _rows(name, rate, outcome)
    finally:
        plant.close()
    return rows


def _seen(outcome: Outcome) -> str:
    return (
        f"{outcome.sent:,} packets, {outcome.alarms} smoke alarms; {outcome.doubled_rows} packets stored twice "
        f"(delivered again by the broker); all stored {outcome.slowest_s:.1f} s after the last packet"
    )


def _rows(name: str, rate: int, outcome: Outcome) -> list[Row]:
    return [
        Row(
            part=PART,
            name=f"Readings lost over {name}",
            means=f"Packets sent at {rate:,}/s whose number InfluxDB does not have afterwards.",
            value=float(outcome.lost),
            budget=0,
            measured=_seen(outcome),
            noise=outcome.noise,
        ),
        *_common_rows(name, outcome, float(outcome.alarms_lost)),
    ]


def _broker_rows(rate: int, outcome: Outcome) -> list[Row]:
    name = "kill -9 of the broker"
    return [
        Row(
            part=PART,
            name=f"Lost by the broker itself over {name}",
            means=f"Packets at {rate:,}/s that it acknowledged to the sensor and never handed on.",
            value=float(outcome.broker_lost),
            measured=f"{_seen(outcome)}; {outcome.alarms_lost} smoke alarms went with them",
            noise=outcome.noise,
        ),
        Row(
            part=PART,
            name=f"Readings that the gateway had received, lost over {name}",
            means="Packets that went over the wire to the gateway and are not in InfluxDB.",
            value=float(outcome.received_lost),
            budget=0,
        ),
        *_common_rows(name, outcome, None),
    ]


def _common_rows(name: str, outcome: Outcome, alarms_lost: float | None) -> list[Row]:
    rows = [
        Row(
            part=PART,
            name=f"Acknowledged and not stored over {name}",
            means="Packets whose PUBACK was seen on the wire and that are not in InfluxDB: the promise itself.",
            value=float(outcome.unsafe),
            budget=0,
        ),
    ]
    if alarms_lost is not None:
        rows.append(
            Row(
                part=PART,
                name=f"Alarms lost over {name}",
                means="Smoke detectors that spoke and of which no alarm message tells.",
                value=alarms_lost,
                budget=0,
            )
        )
    rows.append(
        Row(
            part=PART,
            name=f"Alarms doubled over {name}",
            means="Smoke detectors that spoke once and have two alarm ids.",
            value=float(outcome.alarms_doubled),
            budget=0,
        )
    )
    return rows
