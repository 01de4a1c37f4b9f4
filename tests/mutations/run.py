"""Plants each fault in a copy of the program and runs the tests that must see it: `python -m tests.mutations.run`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutations.planted import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]
COPIED = ("rules", "devices", "gateway", "tests", "deploy", "docs", "pyproject.toml")
LIMIT_S = 300.0
PASSED, FAILED = 0, 1
"""What pytest answers; anything else is no verdict about the fault."""


def copy_of_the_program(directory: Path) -> Path:
    """A copy that faults can be planted in."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, directory / name, ignore=shutil.ignore_patterns("__pycache__", "browser", "bench"))
        else:
            shutil.copy(source, directory / name)
    return directory


def planted_text(mutation: Mutation, text: str) -> str:
    """The file's text with the fault; ValueError if its line does not stand there exactly once."""
    found = text.count(mutation.old)
    if found != 1:
        raise ValueError(f"{mutation.name}: its line stands {found} times in rules/{mutation.file}.py")
    return text.replace(mutation.old, mutation.new)


def answer_of(copy: Path, tests: str) -> int:
    """How a test module of the copy ends."""
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not browser and not timed",
         f"tests/unit/{tests}.py"],
        cwd=copy, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )
    return told.returncode


def is_seen(copy: Path, mutation: Mutation) -> bool:
    """Whether the tests see the fault. The copy is as it was afterwards."""
    path = copy / "rules" / f"{mutation.file}.py"
    whole = path.read_text("utf-8")
    path.write_text(planted_text(mutation, whole), "utf-8")
    try:
        return answer_of(copy, mutation.tests) == FAILED
    finally:
        path.write_text(whole, "utf-8")


def main() -> int:
    """Plant all of them, or those that are named; the exit code tells whether one was not seen."""
    chosen = [each for each in MUTATIONS if not sys.argv[1:] or each.name in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as directory:
        copy = copy_of_the_program(Path(directory))
        for tests in dict.fromkeys(each.tests for each in chosen):
            if answer_of(copy, tests) != PASSED:
                print(f"{tests} fails without any fault: mend that first")
                return 2
        unseen = 0
        for number, mutation in enumerate(chosen, 1):
            seen = is_seen(copy, mutation)
            unseen += not seen
            print(f"{number:3d}/{len(chosen)} {'seen' if seen else 'NOT SEEN':8} {mutation.name}", flush=True)
    print(f"{len(chosen)} faults planted, {unseen} not seen")
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
