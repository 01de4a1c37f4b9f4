"""Plays many simulated days: `python -m tests.world.run --seeds 1000`. A failing one says how to repeat it.

Without `--gateway` they are days of the engine alone; with it, of a whole gateway with journal, ledger and couriers.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.world.home import Broken, SimulatedDay
from tests.world.whole_gateway import GatewayDay


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many days")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--gateway", action="store_true", help="days of a whole gateway")
    asked = parser.parse_args(arguments)
    play = of_a_gateway if asked.gateway else of_an_engine
    broken = inputs = 0
    began = time.process_time()
    for seed in range(asked.first, asked.first + asked.seeds):
        try:
            inputs += play(seed)
        except Broken as fault:
            broken += 1
            sys.stdout.write(f"{fault}\n")
            sys.stdout.flush()
    rate = asked.seeds / max(time.process_time() - began, 1e-9) * 60
    told = f"{asked.seeds} days, {inputs} inputs, {broken} broken; {rate:.0f} days a minute of processor time\n"
    sys.stdout.write(told)
    return 1 if broken else 0


def of_an_engine(seed: int) -> int:
    """One day; how many inputs it had."""
    day = SimulatedDay(seed)
    day.run()
    return len(day.journal)


def of_a_gateway(seed: int) -> int:
    """One day; how many inputs stand in its journal."""
    with tempfile.TemporaryDirectory() as folder:
        day = GatewayDay(seed, Path(folder))
        day.run()
    return day.checked_at


if __name__ == "__main__":
    raise SystemExit(main())
