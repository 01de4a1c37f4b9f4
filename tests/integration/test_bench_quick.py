"""The benchmark runs to its end: every row is there and nothing is lost. It says nothing of speed."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.bench.rows import Row, markdown, text
from tests.influx_world import installed

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not installed("influxd"), reason="needs influxd"),
]

DEATHS = ("kill -9 of the gateway, twice", "a clean restart of the broker", "kill -9 of InfluxDB, away for a while")
ROWS = {
    "Limit: broker to a C subscriber",
    "Gateway, durable",
    "Gateway / limit",
    "Publisher / subscriber",
    "Readings lost in the floods",
    "CPU per message",
    "Memory under flood",
    *(
        f"{name}, at {rate} msg/s"
        for rate in ("500", "2,000", "5,000")
        for name in ("Half of the alarms", "99 of 100 alarms", "Alarms that never came", "CPU per message")
    ),
    *(f"{name} over {death}" for death in DEATHS for name in ("Readings lost", "Alarms lost", "Alarms doubled")),
    *(f"Acknowledged and not stored over {death}" for death in (*DEATHS, "kill -9 of the broker")),
    "Lost by the broker itself over kill -9 of the broker",
    "Readings that the gateway had received, lost over kill -9 of the broker",
    "Alarms doubled over kill -9 of the broker",
    "Processor",
    "Memory",
    "Written to disk for each packet",
    "Decoding a Zigbee2MQTT packet",
    "Deciding a packet",
    "From 1 to 8,000 rules",
    "From 100 to many devices",
    "Memory of an idle device",
    "300 rules on one stream",
    "Restoring a large home",
    "Start to first alarm",
}


async def test_a_quick_run_has_every_row_and_loses_nothing(tmp_path: Path) -> None:
    written = tmp_path / "bench.json"
    run = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench",
        "--quick",
        "--json",
        str(written),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await run.communicate()
    assert run.returncode == 0, out.decode()[-3000:] + errors.decode()[-3000:]
    rows = {row["name"]: row for row in json.loads(written.read_bytes())["rows"]}
    assert rows.keys() == ROWS
    assert {name: row["value"] for name, row in rows.items() if row["budget"] == 0 and row["value"] != 0} == {}
    assert all(row["means"].endswith(".") for row in rows.values()), "every number is explained"


def row(value: float, *, budget: float | None, at_least: bool = False) -> Row:
    return Row(part="P", name="N", means="What it is.", value=value, budget=budget, at_least=at_least)


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (row(3.0, budget=3.0), "ok"),
        (row(3.01, budget=3.0), "BROKEN"),
        (row(0.5, budget=0.5, at_least=True), "ok"),
        (row(0.49, budget=0.5, at_least=True), "BROKEN"),
        (row(1.0, budget=0), "BROKEN"),
        (row(float("nan"), budget=5.0), "BROKEN"),
        (row(7.0, budget=None), ""),
    ],
    ids=["at-most", "above", "at-least", "below", "a-loss", "not-measured", "no-budget"],
)
def test_a_row_says_whether_its_budget_is_kept(given: Row, verdict: str) -> None:
    assert given.verdict == verdict
    assert (verdict == "BROKEN") == ("BROKEN" in text([given])) == ("**no**" in markdown([given], "a machine"))
