"""Writes the dashboards and Grafana's provisioning files: `python -m dashboards.build [--check]`.

The written files are committed, so that a county needs no Python to use them; `--check` says which are not current.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from dashboards import county, home, provisioning
from dashboards.faults import faults
from dashboards.panels import Json

HERE = Path(__file__).parent


def dashboards() -> dict[str, Json]:
    """Every dashboard, by the name of its file."""
    return {"home": home.build(), "county": county.build()}


def files() -> dict[str, str]:
    """What belongs into every file, by its path below this package."""
    texts = dict(provisioning.FILES)
    for name, one in dashboards().items():
        wrong = faults(one)
        if wrong:
            raise ValueError(f"dashboard {name}: " + "; ".join(wrong))
        texts[f"grafana/{name}.json"] = json.dumps(one, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    return texts


def stale(directory: Path = HERE) -> list[str]:
    """The files that are missing or not what would be written."""
    return [
        path
        for path, text in files().items()
        if not (directory / path).is_file() or (directory / path).read_text(encoding="utf-8") != text
    ]


def write(directory: Path = HERE) -> list[str]:
    """Write what is not current; the paths that were written."""
    texts = files()
    written = stale(directory)
    for path in written:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(texts[path], encoding="utf-8")
    return written


def main(arguments: list[str] | None = None) -> int:
    """The command; 1 where `--check` found something stale."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, say which files are not current")
    parser.add_argument("--directory", type=Path, default=HERE, help="where to write (default: this package)")
    given = parser.parse_args(arguments)
    changed = stale(given.directory) if given.check else write(given.directory)
    for path in changed:
        print(f"{'not current' if given.check else 'written'}: {path}")
    return 1 if given.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
