"""The writer against Debian's influxd and victoria-metrics: killed, misconfigured, with a conflicting field."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import msgspec
import pytest

from devices.reading import Reading, Report
from gateway.clock import SystemClock
from gateway.deliver.line_protocol import whole_ms
from gateway.record.journal import SqliteRecord
from tests.influx_world import (
    START,
    InfluxServer,
    Links,
    MemoryRecord,
    VictoriaServer,
    climate_entries,
    climate_site,
    influx_settings,
    installed,
    make_writer,
    readings_entry,
    until,
    writing,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not installed("influxd") or not installed("victoria-metrics"), reason="needs both servers"),
]

HOURS = climate_site("h1", 20)
HOUR_S = 3600
TICKS = HOUR_S // 10


@pytest.fixture
async def influxd(tmp_path: Path):
    server = InfluxServer(tmp_path)
    server.start()
    await server.answering()
    server.query("CREATE DATABASE anlian")
    yield server
    server.kill()


@pytest.fixture
async def victoria(tmp_path: Path):
    server = VictoriaServer(tmp_path)
    server.start()
    await server.answering()
    yield server
    server.kill()


def hour() -> MemoryRecord:
    record = MemoryRecord()
    record.hold(climate_entries(HOURS, HOUR_S))
    return record


def done(record: MemoryRecord) -> bool:
    return record.cursor("influx", HOURS.id) == record.head(HOURS.id)


async def test_hour_is_complete_and_single_on_influxd_that_was_killed_in_the_middle(influxd: InfluxServer) -> None:
    record, links = hour(), Links()
    settings = influx_settings(influxd.port, batch=300)
    writer = make_writer(settings, record, [HOURS], links)
    async with writing(writer) as task:
        await until(lambda: record.cursor("influx", HOURS.id) >= 2400, task)
        influxd.kill()
        assert not done(record)
        await until(lambda: bool(links.said) and links.said[-1][1] is False, task)
        influxd.start()
        await until(lambda: done(record), task)
    expected = {device.id: TICKS for device in HOURS.devices}
    assert influxd.counts("climate", "temperature") == expected
    assert influxd.counts("climate", "humidity") == expected
    (first,) = influxd.query("SELECT first(temperature) FROM climate")
    assert first["values"][0] == [whole_ms(START), 20.0]
    assert influxd.counts("gateway", "heard", "home") == {"h1": TICKS}
    assert [up for up, _ in itertools.groupby(up for _, up, _ in links.said)] == [True, False, True]


async def test_journal_on_disk_is_written_whole_by_a_gateway_that_stops_and_starts(
    influxd: InfluxServer, tmp_path: Path
) -> None:
    entries = climate_entries(HOURS, 1200)
    settings = influx_settings(influxd.port, batch=200, in_flight=2)
    for part in range(3):
        record = await SqliteRecord.open(tmp_path / "journal.db", clock=SystemClock())
        head = await record.open_stream(HOURS.id)
        assert head.seq == part * 800
        writer = make_writer(settings, record, [HOURS])
        async with writing(writer) as task:
            for start in range(part * 800, part * 800 + 800, 100):
                await record.commit(
                    [msgspec.structs.replace(one, epoch=head.epoch) for one in entries[start : start + 100]]
                )
            enough = part * 800 + (800 if part == 2 else 200)
            await until(lambda record=record, enough=enough: record.cursor("influx", HOURS.id) >= enough, task)
        await record.close()
    assert influxd.counts("climate", "temperature") == {device.id: 120 for device in HOURS.devices}


async def test_writing_everything_again_changes_nothing(influxd: InfluxServer) -> None:
    for _ in range(2):
        record = hour()
        async with writing(make_writer(influx_settings(influxd.port), record, [HOURS])) as task:
            await until(lambda record=record: done(record), task)
    assert influxd.counts("climate", "temperature") == {device.id: TICKS for device in HOURS.devices}


@pytest.mark.parametrize(("mode", "lag_s"), [("v1", 12.0), ("v2", 3.0)])
async def test_hour_is_complete_and_single_on_victoria_metrics_that_was_killed(
    victoria: VictoriaServer, mode: str, lag_s: float
) -> None:
    record, links = hour(), Links()
    settings = influx_settings(victoria.port, mode=mode, batch=500, lag_s=lag_s)
    writer = make_writer(settings, record, [HOURS], links)
    async with writing(writer) as task:
        await until(lambda: writer.counts["stored"] == writer.counts["rows"] > 7000, task)
        await asyncio.sleep(1.1)  # it tells its start in whole seconds only
        victoria.kill()
        assert record.cursor("influx", HOURS.id) == 0, "the cursor moved over rows that a crash loses"
        victoria.start()
        await until(lambda: done(record), task, 60.0)
    assert writer.counts["rewinds"] == 1
    if lag_s > 10:  # whatever the cursor has passed must survive this
        victoria.kill()
        victoria.start()
        await victoria.answering()
    stamps = victoria.samples("climate_temperature")
    assert {device: len(found) for device, found in stamps.items()} == {device.id: TICKS for device in HOURS.devices}
    assert all(len(found) == len(set(found)) for found in stamps.values())


async def test_field_of_another_type_in_the_store_costs_its_own_lines_only(influxd: InfluxServer) -> None:
    first = climate_entries(HOURS, 10)[7]
    at_ms = first.input.reports[0].stored_at  # type: ignore[union-attr]
    influxd.write(f'climate,device=planted humidity="wet" {at_ms}')
    record, links = MemoryRecord(), Links()
    record.hold(climate_entries(HOURS, 20))
    writer = make_writer(influx_settings(influxd.port), record, [HOURS], links)
    async with writing(writer) as task:
        await until(lambda: done(record), task)
    # Every line has the field: every one is refused, and every one is kept.
    assert len(record.quarantined) == 40
    assert all("field type conflict" in reason for _, _, reason, _ in record.quarantined)
    assert influxd.counts("gateway", "heard", "home") == {"h1": 2}
    assert links.said == [("influx", True, "")]


async def test_one_bad_line_among_thousands_is_found(influxd: InfluxServer) -> None:
    influxd.write('climate,device=planted lqi="good" 1795161600000')
    entries = climate_entries(HOURS, HOUR_S)
    odd = entries[4321]
    report = odd.input.reports[0]  # type: ignore[union-attr]
    more = Report(report.device, (*report.readings, Reading("lqi", 7.0)), stored_at=report.stored_at)
    entries[4321] = readings_entry(odd.stream, odd.seq, odd.at, [more])
    record = MemoryRecord()
    record.hold(entries)
    writer = make_writer(influx_settings(influxd.port), record, [HOURS])
    async with writing(writer) as task:
        await until(lambda: done(record), task)
    (kept,) = record.quarantined
    assert kept[3].decode().endswith(f"lqi=7.0,heard=1.0 {report.stored_at}")
    counts = influxd.counts("climate", "temperature")
    assert counts == {device.id: TICKS - (device.id == report.device) for device in HOURS.devices}
    assert writer.counts["posts"] < 40


async def test_wrong_retention_policy_holds_until_it_is_made(influxd: InfluxServer) -> None:
    record, links = MemoryRecord(), Links()
    record.hold(climate_entries(HOURS, 100))
    settings = influx_settings(influxd.port, retention_policy="years")
    async with writing(make_writer(settings, record, [HOURS], links)) as task:
        await until(lambda: bool(links.said), task)
        assert links.said[0][1] is False and "create the retention policy" in links.said[0][2]
        assert record.cursor("influx", HOURS.id) == 0
        influxd.query('CREATE RETENTION POLICY "years" ON "anlian" DURATION 1825d REPLICATION 1 DEFAULT')
        await until(lambda: done(record), task)
    assert influxd.counts("climate", "temperature") == {device.id: 10 for device in HOURS.devices}
    assert not record.quarantined


async def test_rows_older_than_the_store_keeps_are_let_go_and_counted(influxd: InfluxServer) -> None:
    influxd.query('CREATE RETENTION POLICY "hour" ON "anlian" DURATION 1h REPLICATION 1 DEFAULT')
    record = MemoryRecord()
    early = climate_entries(HOURS, 50)
    shift = -400 * 24 * 3600 * 1000  # a year and more behind the server's clock
    record.hold([msgspec.structs.replace(entry, shift_ms=shift) for entry in early])
    writer = make_writer(influx_settings(influxd.port), record, [HOURS])
    async with writing(writer) as task:
        await until(lambda: done(record), task)
    assert writer.counts["expired"] == writer.counts["rows"] == 105
    assert not record.quarantined and writer.counts["posts"] == 1


async def test_missing_database_holds_until_it_is_made(influxd: InfluxServer) -> None:
    record, links = MemoryRecord(), Links()
    record.hold(climate_entries(HOURS, 100))
    settings = influx_settings(influxd.port, database="later")
    async with writing(make_writer(settings, record, [HOURS], links)) as task:
        await until(lambda: bool(links.said), task)
        assert "create the database" in links.said[0][2]
        influxd.query("CREATE DATABASE later")
        await until(lambda: done(record), task)
    assert not record.quarantined


async def test_wrong_password_holds_until_its_file_is_mended(tmp_path: Path) -> None:
    server = InfluxServer(tmp_path, auth=True)
    server.start()
    try:
        await server.answering()
        server.query("CREATE USER admin WITH PASSWORD 'first' WITH ALL PRIVILEGES")
        server.login("admin", "first")
        server.query("CREATE DATABASE anlian")
        secret = tmp_path / "password"
        secret.write_text("wrong")
        record, links = MemoryRecord(), Links()
        record.hold(climate_entries(HOURS, 100))
        settings = influx_settings(server.port, username="admin", password_file=secret)
        async with writing(make_writer(settings, record, [HOURS], links)) as task:
            await until(lambda: bool(links.said), task)
            assert links.said[0][1] is False and "401" in links.said[0][2]
            assert "wrong" not in links.said[0][2]
            secret.write_text("first\n")
            await until(lambda: done(record), task)
        assert server.counts("climate", "temperature") == {device.id: 10 for device in HOURS.devices}
        assert links.said[-1] == ("influx", True, "")
    finally:
        server.kill()


async def test_server_that_was_never_there_is_waited_for(tmp_path: Path) -> None:
    server, record, links = InfluxServer(tmp_path), MemoryRecord(), Links()
    record.hold(climate_entries(HOURS, 100))
    async with writing(make_writer(influx_settings(server.port), record, [HOURS], links)) as task:
        await until(lambda: bool(links.said), task)
        server.start()
        try:
            await server.answering()
            await asyncio.to_thread(server.query, "CREATE DATABASE anlian")
            await until(lambda: done(record), task)
            assert server.counts("climate", "temperature") == {device.id: 10 for device in HOURS.devices}
            assert [up for _, up, _ in links.said][-1], "its trouble is over"
        finally:
            server.kill()
