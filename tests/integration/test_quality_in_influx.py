"""Rows of alarm quality in a real influxd: taken, single after a rewrite, and readable as a panel asks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.deliver.influx_post import open_poster
from gateway.deliver.line_protocol import home_tags
from gateway.report.quality_rows import QualityRows
from gateway.ways_store import _posting
from rules.site import Site
from rules.text import Text
from tests.influx_world import InfluxServer, influx_settings, installed
from tests.record_world import HOME, ManualClock, alarm_entry, journal

pytestmark = [pytest.mark.integration, pytest.mark.skipif(not installed("influxd"), reason="needs influxd")]


async def test_the_rows_of_two_hours_stand_once_each(tmp_path: Path) -> None:
    server = InfluxServer(tmp_path)
    server.start()
    try:
        await server.answering()
        server.query("CREATE DATABASE anlian")
        poster = open_poster(influx_settings(server.port))
        clock = ManualClock()
        async with journal(tmp_path, clock) as record:
            await record.commit([alarm_entry(seq) for seq in range(1, 6)])
            clock.advance(3600)
            sites = {HOME: Site(id=HOME, name=Text("甲"))}
            rows = [
                QualityRows(tmp_path / "journal.db", sites, home_tags, clock, _posting(poster)) for _ in range(2)
            ]
            assert await rows[0].write_due()
            clock.advance(3600)
            assert await rows[0].write_due()
            assert await rows[1].write_due(), "written again"
        await poster.aclose()
        found = server.query(f"SELECT alarms, \"priority.1\" FROM quality WHERE home='{HOME}'")
    finally:
        server.kill()
    (series,) = found
    assert [row[1:] for row in series["values"]] == [[5, 5], [5, 5]]
