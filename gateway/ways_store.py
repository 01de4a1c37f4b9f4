"""The way to a time-series store: what happened, from the journal, and each home's alarm quality beside it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.deliver.influx import InfluxWriter
from gateway.deliver.influx_post import Poster, Verdict, open_poster
from gateway.deliver.line_protocol import home_tags
from gateway.report.quality_rows import Post, QualityRows
from gateway.settings import Influx

if TYPE_CHECKING:
    from gateway.ways import Parts


async def write_store(parts: Parts, store: Influx) -> None:
    """A store must not get rows of 1970: it waits for the first synchronisation of the clock."""
    await parts.synchronised.wait()
    journal = parts.configuration.settings.data_dir / "journal.db"
    poster = open_poster(store)
    writer = InfluxWriter(
        store,
        parts.record,
        tuple(parts.sites),
        parts.sites.__getitem__,
        parts.clock,
        parts.health.tell,
        jitter=parts.jitter,
    )
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(writer.run())
            group.create_task(QualityRows(journal, parts.sites, home_tags, parts.clock, _posting(poster)).run())
    finally:
        await poster.aclose()


def _posting(poster: Poster) -> Post:
    async def post(lines: bytes) -> bool:
        result = await poster.post(lines)
        return result.verdict in (Verdict.STORED, Verdict.SOME_REFUSED, Verdict.EXPIRED, Verdict.TOO_LARGE)

    return post
