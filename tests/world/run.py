"""Plays many simulated days: `python -m tests.world.run --seeds 1000`. A failing one says how to repeat it."""

from __future__ import annotations

import argparse
import sys

from tests.world.home import Broken, SimulatedDay


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many days")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    asked = parser.parse_args(arguments)
    broken = inputs = 0
    for seed in range(asked.first, asked.first + asked.seeds):
        day = SimulatedDay(seed)
        try:
            day.run()
        except Broken as fault:
            broken += 1
            sys.stdout.write(f"{fault}\n")
        inputs += len(day.journal)
    sys.stdout.write(f"{asked.seeds} days, {inputs} inputs, {broken} broken\n")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
