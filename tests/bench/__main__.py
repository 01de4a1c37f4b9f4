"""The benchmark: `make bench`, or `python -m tests.bench [--quick | --long] [--only PART …] [--json FILE]`.

It starts a broker (mosquitto), a time-series store (influxd) and the gateway as a home runs it, on free ports and
in a temporary folder, and measures six things in one run:

throughput  the same flood to a C subscriber (the limit) and through the gateway, in turns; a message counts when
            InfluxDB counts it, and it got there only by way of the journal on disk
latency     from a sensor's packet to the alarm message at 500, 2,000 and 5,000 messages a second, against the bare
            broker plus one durable row on the same disk, in turns
losses      kill -9 of the gateway, of InfluxDB and of the broker, and a clean restart of the broker, under 2,000
            numbered packets a second: what is missing, what came twice
idle        a quiet home on an edge box: processor, memory, bytes written
parts       decoding and deciding against `json.loads`; growth with rules and devices; memory of a device
boot        10,000 devices and a journal of a million rows: from the start to the first alarm

How to read it: rates of a machine mean nothing on another one, so budgets are ratios, and both sides of a ratio are
measured in turns, in the same minutes, with publisher, broker, store and gateway sharing the same cores. The load is
that of the virtual home: of six packets four are Zigbee2MQTT states, two are our own, with 100 rules in force.
"others used" is the share of the machine that other programs took meanwhile: above some 10 % believe ratios only,
and the processor time of a message more than its rate. A line marked BROKEN misses its budget, and the program then
ends with 1. `--quick` runs everything once and shortly, to see that it works: only losses decide how that ends.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from tests.bench import boot, edge, latency, losses, micro, rows, throughput
from tests.bench.machine import CORES, Noise
from tests.bench.plant import Broker, Gateway, Store
from tests.bench.rows import Row

DEVICES = 480
RATES = (500, 2000, 5000)
PARTS = ("throughput", "latency", "losses", "idle", "parts", "boot")
NEEDED = ("mosquitto", "mosquitto_sub", "influxd")


class Plan(msgspec.Struct, frozen=True):
    """How long everything is measured."""

    runs: int = 5
    flood: int = 120_000
    latency_s: float = 4.0
    loss_rate: int = 2000
    loss_s: float = 12.0
    loss_settled_s: float = 8.0
    idle_s: float = 30.0
    packets: int = 4000
    rounds: int = 5
    devices_many: int = 100_000
    boot_devices: int = 10_000
    boot_rows: int = 1_000_000
    boot_runs: int = 3


QUICK = Plan(
    runs=1,
    flood=6_000,
    latency_s=0.5,
    loss_rate=1000,
    loss_s=2.0,
    loss_settled_s=4.0,
    idle_s=1.5,
    packets=600,
    rounds=1,
    devices_many=20_000,
    boot_devices=1_000,
    boot_rows=21_000,
    boot_runs=1,
)
LONG = Plan(flood=200_000, latency_s=15.0, loss_s=40.0, idle_s=120.0)


def _say(words: str) -> None:
    print(f"  {words}", file=sys.stderr, flush=True)


def _on_one_plant(plan: Plan, parts: Sequence[str], folder: Path) -> list[Row]:
    """Throughput and latency: one broker, one store, one gateway."""
    found: list[Row] = []
    broker = Broker(folder / "broker").start()
    store = Store(folder / "store")
    gateway = Gateway(folder / "gateway", broker.port, store, devices=DEVICES)
    try:
        store.begin()
        gateway.publish_definitions()
        gateway.start()
        if "throughput" in parts:
            found += throughput.measure(broker, store, gateway, DEVICES, runs=plan.runs, count=plan.flood, say=_say)
        if "latency" in parts:
            found += latency.measure(
                broker, gateway, DEVICES, folder, rates=RATES, runs=plan.runs, seconds=plan.latency_s, say=_say
            )
    finally:
        gateway.stop()
        store.kill()
        broker.stop()
    return found


def measure(plan: Plan, parts: Sequence[str], folder: Path) -> list[Row]:
    """The rows of the chosen parts, in the order of the table."""
    found: list[Row] = []
    steps: dict[str, Callable[[], list[Row]]] = {
        "throughput": lambda: _on_one_plant(plan, parts, folder / "plant"),
        "losses": lambda: losses.measure(
            folder / "losses", rate=plan.loss_rate, seconds=plan.loss_s, settled_s=plan.loss_settled_s, say=_say
        ),
        "idle": lambda: edge.measure(folder / "idle", seconds=plan.idle_s, say=_say),
        "parts": lambda: micro.measure(
            folder / "parts", count=plan.packets, rounds=plan.rounds, many=plan.devices_many, say=_say
        ),
        "boot": lambda: boot.measure(
            folder / "boot", devices=plan.boot_devices, rows=plan.boot_rows, runs=plan.boot_runs, say=_say
        ),
    }
    wanted = {"throughput" if part == "latency" else part for part in parts}
    for name, step in steps.items():
        if name in wanted:
            found += step()
    return found


def _machine() -> str:
    """What it ran on, in a line."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    servers = ", ".join(_version(command) for command in ("mosquitto -h", "influxd version"))
    return f"{CORES} cores ({model}), Python {platform.python_version()}, {servers}"


def _version(command: str) -> str:
    said = subprocess.run(command.split(), capture_output=True, text=True, check=False)
    return " ".join((said.stdout or said.stderr).split()[:3])


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="everything once and shortly (below a minute)")
    length.add_argument("--long", action="store_true", help="longer runs, for a quiet machine (about half an hour)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON too")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown, for the README")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit code whether every budget is kept."""
    arguments = _arguments(given)
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    missing = [program for program in NEEDED if shutil.which(program, path=path) is None]
    if missing:
        print(f"not installed: {', '.join(missing)} (Debian: mosquitto mosquitto-clients influxdb)", file=sys.stderr)
        return 2
    plan = QUICK if arguments.quick else LONG if arguments.long else Plan()
    began, noise = time.monotonic(), Noise()
    with tempfile.TemporaryDirectory(prefix="anlian-bench-") as folder:
        found = measure(plan, arguments.only, Path(folder))
    about = {"machine": _machine(), "seconds": round(time.monotonic() - began), "others_share": noise.share()}
    if arguments.json is not None:
        arguments.json.write_bytes(rows.document(found, about))
    print(rows.markdown(found, about["machine"]) if arguments.markdown else rows.text(found))
    print(f"\n{about['machine']}; {about['seconds']} s; others used {about['others_share'] * 100:.0f} % of the machine")
    # A short run says nothing of speed.
    broken = [row for row in found if not row.held and (row.budget == 0 or not arguments.quick)]
    for row in broken:
        print(f"BROKEN  {row.part.split(' (')[0]}: {row.name}: {row.shown}, budget {row.limit}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
