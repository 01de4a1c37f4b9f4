"""Pruning: behind every cursor and the snapshot, oldest first, and what happens when that is not enough."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.record.journal import SqliteRecord
from gateway.record.pruning import limits_of
from tests.record_world import HOME, ManualClock, alarm_entry, at_seq, journal, seqs, telemetry

LATER = at_seq(0) + timedelta(days=8)
BIG = "x" * 2000


async def fill(
    record: SqliteRecord, upto: int, *, alarms: tuple[int, ...] = (), stream: str = HOME, filler: str = ""
) -> None:
    for seq in range(1, upto + 1):
        entry = alarm_entry(seq, stream, filler=filler) if seq in alarms else telemetry(seq, stream, filler=filler)
        await record.commit([entry])


async def left(record: SqliteRecord, stream: str = HOME) -> list[int]:
    """What the disk still has, whatever memory has."""
    record._memory.tail.begin(stream, record.head(stream))
    return seqs(await record.read(stream, 0, 10_000))


@pytest.mark.parametrize(
    ("cursors", "snapshot", "expected"),
    [
        ({}, 0, 1),
        ({}, 6, 7),
        ({"influx": 4}, 6, 5),
        ({"influx": 9}, 6, 7),
        ({"influx": 9, "phone": 2}, 8, 3),
        ({"influx": 9, "phone": 0}, 8, 1),
    ],
)
async def test_old_segments_go_behind_all_cursors_and_the_snapshot(
    tmp_path: Path, cursors: dict[str, int], snapshot: int, expected: int
) -> None:
    async with journal(tmp_path) as record:
        await fill(record, 9)
        for destination, seq in cursors.items():
            assert record.cursor(destination, HOME) == 0
            record.advance(destination, HOME, seq)
        await record.commit([alarm_entry(10)], snapshots={HOME: (snapshot, b"s")} if snapshot else None)
        pruned = await record.prune(LATER)
        assert await left(record) == list(range(expected, 11))
        assert (pruned.segments, pruned.entries) == (expected - 1, expected - 1)
        assert record.stats().entries == 11 - expected
        assert (await record.prune(LATER)).entries == 0


async def test_a_cursor_that_only_memory_knows_does_not_count(tmp_path: Path) -> None:
    async with journal(tmp_path, ManualClock()) as record:
        await fill(record, 5)
        await record.commit([telemetry(6)], snapshots={HOME: (6, b"s")})
        record.advance("influx", HOME, 6)
        await record.prune(LATER)
        assert await left(record) == [1, 2, 3, 4, 5, 6]
        await record.commit([alarm_entry(7)])
        await record.prune(LATER)
        assert await left(record) == [7]


async def test_young_segments_stay(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await fill(record, 5)
        await record.commit([telemetry(6)], snapshots={HOME: (6, b"s")})
        assert (await record.prune(at_seq(0) + timedelta(days=6))).entries == 0
        await record.prune(at_seq(3) + timedelta(days=7))
        assert await left(record) == [3, 4, 5, 6]


async def test_beyond_the_bytes_the_oldest_of_all_streams_go_first(tmp_path: Path) -> None:
    async with journal(tmp_path, streams=(HOME, "home-b"), keep_bytes=30_000) as record:
        for seq in range(1, 21):
            await record.commit([telemetry(seq, filler=BIG), telemetry(seq, "home-b", filler=BIG)])
        await record.commit((), snapshots={HOME: (20, b"s"), "home-b": (20, b"s")})
        pruned = await record.prune(at_seq(20))
        assert record.stats().segment_bytes <= 30_000
        assert pruned.thinned == pruned.alarms_dropped == pruned.over_budget == 0
        kept, kept_b = await left(record), await left(record, "home-b")
        assert abs(kept[0] - kept_b[0]) <= 1
        assert kept == list(range(kept[0], 21))


async def test_a_reader_far_behind_costs_telemetry_first_and_is_told(tmp_path: Path) -> None:
    async with journal(tmp_path, keep_bytes=30_000) as record:
        record.cursor("influx", HOME)
        await fill(record, 40, alarms=(3, 17), filler=BIG)
        await record.commit((), snapshots={HOME: (40, b"s")})
        pruned = await record.prune(at_seq(40))
        kept = await left(record)
        assert kept[:2] == [3, 17]
        assert kept[2:] == list(range(kept[2], 41))
        assert pruned.thinned == pruned.entries == 40 - len(kept)
        assert pruned.alarms_dropped == 0
        (trouble,) = record.troubles
        assert (trouble.kind, trouble.count) == ("thinned", pruned.thinned)


async def test_alarms_go_last_and_stay_in_the_archive(tmp_path: Path) -> None:
    async with journal(tmp_path, keep_bytes=10_000) as record:
        record.cursor("influx", HOME)
        await fill(record, 20, alarms=tuple(range(1, 20, 2)), filler=BIG)
        await record.commit((), snapshots={HOME: (20, b"s")})
        pruned = await record.prune(at_seq(20))
        assert (pruned.thinned, pruned.alarms_dropped) == (10, 20 - 10 - len(await left(record)))
        assert pruned.alarms_dropped > 0
        assert seqs(await record.history(HOME)) == list(range(19, 0, -2))


async def test_nothing_beyond_the_snapshot_goes_even_if_the_budget_cries(tmp_path: Path) -> None:
    async with journal(tmp_path, keep_bytes=1000) as record:
        await fill(record, 10, filler=BIG)
        await record.commit((), snapshots={HOME: (4, b"s")})
        pruned = await record.prune(LATER)
        assert await left(record) == [5, 6, 7, 8, 9, 10]
        assert pruned.over_budget == record.stats().segment_bytes - 1000


async def test_a_forgotten_destination_no_longer_counts(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await fill(record, 5)
        record.advance("gone", HOME, 1)
        await record.commit([alarm_entry(6)], snapshots={HOME: (6, b"s")})
        await record.prune(LATER)
        assert await left(record) == [2, 3, 4, 5, 6]
        await record.forget(["gone"])
        await record.prune(LATER)
        assert await left(record) == []
    async with journal(tmp_path) as record:
        head = await record.open_stream(HOME)
        assert (head.seq, head.snapshot_seq) == (6, 6)
        await record.commit([telemetry(7)])


async def test_the_archive_goes_by_age_only(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await fill(record, 6, alarms=(1, 4, 6))
        assert (await record.prune(at_seq(0) + timedelta(days=3 * 365))).archived == 0
        pruned = await record.prune(at_seq(5) + timedelta(days=3 * 366))
        assert pruned.archived == 2
        assert seqs(await record.history(HOME)) == [6]


async def test_quarantine_goes_by_age(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await record.quarantine(HOME, at_seq(1), "zigbee", "why", b"x")
        assert (await record.prune(at_seq(0) + timedelta(days=30))).quarantined == 0
        assert (await record.prune(at_seq(2) + timedelta(days=30))).quarantined == 1
        assert await record.quarantined() == []


async def test_room_is_given_back(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await fill(record, 300, filler=BIG * 4)
        await record.commit((), snapshots={HOME: (300, b"s")})
    before = (tmp_path / "journal.db").stat().st_size
    async with journal(tmp_path) as record:
        pruned = await record.prune(LATER)
        assert pruned.pages_freed > 400
    assert (tmp_path / "journal.db").stat().st_size < before / 4


async def test_alarms_are_committed_between_the_steps_of_a_pruning(tmp_path: Path) -> None:
    async with journal(tmp_path) as record:
        await fill(record, 400)
        await record.commit((), snapshots={HOME: (400, b"s")})
        pruning = asyncio.create_task(record.prune(LATER))
        commits = 0
        while not pruning.done():
            commits += 1
            await record.commit([alarm_entry(400 + commits)])
        assert commits >= 4
        assert (await pruning).entries == 400


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 50), max_size=3),
    st.dictionaries(st.tuples(st.sampled_from(["x", "y"]), st.sampled_from(["a", "b", "c"])), st.integers(0, 50)),
)
def test_limits_are_never_beyond_a_cursor_or_the_snapshot(
    snapshots: dict[str, int], cursors: dict[tuple[str, str], int]
) -> None:
    limits = limits_of(snapshots, cursors)
    assert set(limits) == set(snapshots)
    for stream, limit in limits.items():
        assert limit == min([snapshots[stream], *(seq for (_, of), seq in cursors.items() if of == stream)])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    groups=st.lists(st.integers(1, 6), min_size=1, max_size=8),
    cursor=st.integers(0, 40),
    snapshot=st.integers(0, 40),
    age=st.integers(0, 60),
)
def test_pruning_never_passes_a_cursor(
    tmp_path_factory: pytest.TempPathFactory, groups: list[int], cursor: int, snapshot: int, age: int
) -> None:
    asyncio.run(_prune_once(tmp_path_factory.mktemp("prune"), groups, cursor, snapshot, age))


async def _prune_once(directory: Path, groups: list[int], cursor: int, snapshot: int, age: int) -> None:
    async with journal(directory, keep_days=1) as record:
        seq = 0
        for size in groups:
            await record.commit([telemetry(seq + i + 1) for i in range(size)])
            seq += size
        cursor, snapshot = min(cursor, seq), min(snapshot, seq)
        record.advance("influx", HOME, cursor)
        await record.commit([alarm_entry(seq + 1)], snapshots={HOME: (snapshot, b"s")})
        await record.prune(at_seq(age) + timedelta(days=1))
        kept = await left(record)
        assert kept == list(range(kept[0], seq + 2))
        assert kept[0] <= min(cursor, snapshot, age) + 1
