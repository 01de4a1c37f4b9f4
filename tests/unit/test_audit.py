"""The auditor: what each broken link of the chain looks like to it, what is none, and what a look costs."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.audit.auditor import Auditor, Finding, Looked, NoAnswer
from gateway.audit.calls import Caller, notice_of
from gateway.audit.findings import HomeAudit, Suspicion
from gateway.audit.progress import Progress
from gateway.deliver.destination import SendResult
from gateway.record.audited import AUDIT_QUERIES, AuditedJournal
from gateway.record.journal import SqliteRecord
from gateway.record.record import JournalEntry
from rules.alarm import Category
from rules.effects import IncidentChanged, Notify
from rules.inputs import AnyInput, ClockStepped, OperatorActed, Outcome, SendReported, TimePassed, Verb
from rules.site import Chain, PlanStep
from rules.text import Text
from tests.record_world import ManualClock, journal
from tests.unit.engine_world import HOUR, SECOND, SITE, START, World, loaded, of, plan, spoke, with_plan

HOME = "home"
TOLERANCE_S = 90.0


class Stage:
    """An engine whose every step is journalled, a gateway that answers for it, and the auditor, on one manual clock."""

    def __init__(self, record: SqliteRecord, folder: Path, world: World) -> None:
        self.record = record
        self.world = world
        self.clock = ManualClock()
        self.shift = timedelta(0)
        self.wall_step = timedelta(0)
        self.silent = ""
        self.frozen = False
        self.held = 0
        self.decided_s = 0.2
        self.inputs = self.commits = 0
        self.inbox_depth = self.unsettled = 0
        self.replies = True
        self.auditor = Auditor(folder / "journal.db", [HOME], self.ask, self, TOLERANCE_S)

    # the auditor's clock: the wall may be set, the monotonic one runs on

    def now(self):
        return self.world.at

    def wall(self):
        return START + timedelta(seconds=self.clock.monotonic() - 1000.0) + self.wall_step

    def monotonic(self) -> float:
        return self.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def ask(self) -> Progress:
        if self.frozen or self.silent:
            raise NoAnswer(self.silent or "did not answer within 5 s")
        return Progress(
            now=self.engine_now(),
            decided_s=self.decided_s,
            inputs=self.inputs,
            commits=self.commits,
            acknowledged=self.commits,
            inbox_depth=self.inbox_depth,
            unsettled=self.unsettled,
            heads={HOME: self.world.engine.seq + self.held},
        )

    def engine_now(self):
        return START + timedelta(seconds=self.clock.monotonic() - 1000.0)

    async def put(self, happened: AnyInput, snapshot: bool = False) -> None:
        """One input as the shell decides it: stepped, committed, and its messages answered by their channels."""
        engine = self.world.engine
        effects = self.world.step(happened)
        entry = JournalEntry(
            HOME, 1, engine.seq, happened.at, happened, effects, self.shift // timedelta(milliseconds=1)
        )
        await self.record.commit([entry], snapshots={HOME: (engine.seq, engine.snapshot())} if snapshot else None)
        self.inputs += 1
        self.commits += 1
        for message in of(effects, Notify):
            if self.replies:
                await self.put(
                    SendReported(
                        at=self.world.at,
                        message=message.message,
                        incident=message.incident.id,
                        channel=message.channel,
                        person=message.person,
                        outcome=Outcome.ACCEPTED,
                    )
                )

    async def pass_time(self, seconds: float, *, deciding: bool = True) -> Looked:
        """Let time pass in looks of ten seconds, the engine waking at its deadlines as the shell wakes it."""
        looked = None
        for _ in range(max(1, round(seconds / 10))):
            self.clock.advance(10.0)
            now = self.engine_now()
            while deciding and (due := self.world.engine.next_deadline()) is not None and due <= now:
                await self.put(TimePassed(at=max(due, self.world.at)))
            if deciding:
                self.world.at = max(self.world.at, now)
            looked = self.auditor.look()
            if looked.new:
                return looked
        assert looked is not None
        return looked


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with journal(tmp_path, streams=(HOME,)) as record:
        stage = Stage(record, tmp_path, World(SITE))
        # The world's own first step (the site) is seq 1: it is committed here, with a snapshot behind it.
        first = JournalEntry(HOME, 1, 1, START, TimePassed(at=START))
        await record.commit([first], snapshots={HOME: (1, stage.world.engine.snapshot())})
        yield stage


def keys(looked: Looked) -> list[str]:
    return [finding.suspicion.key.split()[0] for finding in looked.standing]


async def fire(stage: Stage) -> str:
    stage.world.at = max(stage.world.at, stage.engine_now())
    await stage.put(spoke(stage.world.at, "smoke-1", smoke=True))
    return stage.world.incident().id


class TestWell:
    async def test_an_alarm_that_escalates_is_no_finding(self, stage: Stage) -> None:
        await fire(stage)
        looked = await stage.pass_time(1200)
        assert looked.clean and looked.incidents == 1

    async def test_nor_is_one_that_is_taken_on_judged_and_reset(self, stage: Stage) -> None:
        incident = await fire(stage)
        await stage.pass_time(20)
        await stage.put(_acts(stage, Verb.ACKNOWLEDGE, incident))
        assert (await stage.pass_time(150)).clean
        await stage.put(_acts(stage, Verb.VERDICT, incident, verdict="real", finding="real_fire"))
        assert (await stage.pass_time(600)).clean
        await stage.put(spoke(stage.world.at, "smoke-1", smoke=False))
        await stage.put(_acts(stage, Verb.RESET, incident))
        looked = await stage.pass_time(60)
        assert looked.clean and looked.incidents == 0

    async def test_nor_is_one_of_which_nothing_comes_and_that_is_announced_anew(self, stage: Stage) -> None:
        incident = await fire(stage)
        await stage.put(_acts(stage, Verb.ACKNOWLEDGE, incident))
        looked = await stage.pass_time(1200)
        assert looked.clean

    async def test_nor_is_a_trouble_whose_plan_ends(self, stage: Stage) -> None:
        stage.world.at = stage.engine_now()
        await stage.put(spoke(stage.world.at, "smoke-1", battery=5.0))
        assert stage.world.engine.incidents
        looked = await stage.pass_time(1800)
        assert looked.clean and looked.incidents == 1

    async def test_nor_is_a_reload(self, stage: Stage) -> None:
        await fire(stage)
        new = with_plan(SITE, plan(Category.FIRE, ("director", 0), ("carer", 60), every=120))
        stage.world.site = new
        await stage.put(loaded(stage.world.at, new))
        assert (await stage.pass_time(1200)).clean

    async def test_nor_is_a_restart_within_a_minute(self, stage: Stage) -> None:
        await fire(stage)
        await stage.pass_time(20)
        stage.silent = "no gateway runs"
        looked = await stage.pass_time(60, deciding=False)
        assert looked.standing == () and looked.suspected
        stage.silent = ""
        assert (await stage.pass_time(600)).clean

    @pytest.mark.parametrize("hours", [5, -5])
    async def test_nor_is_a_step_of_the_clock(self, stage: Stage, hours: int) -> None:
        await fire(stage)
        await stage.pass_time(20)
        stage.wall_step = hours * HOUR
        assert (await stage.pass_time(10)).standing == ()
        old = stage.world.at
        stage.shift = hours * HOUR
        await stage.put(ClockStepped(at=old, old=old, new=old + hours * HOUR))
        assert (await stage.pass_time(600)).clean

    async def test_nor_is_a_step_of_the_clock_while_the_gateway_is_away(self, stage: Stage) -> None:
        await fire(stage)
        await stage.pass_time(20)
        stage.silent = "no gateway runs"
        stage.wall_step = 5 * HOUR
        looked = await stage.pass_time(50, deciding=False)
        assert looked.standing == ()
        stage.silent = ""
        assert (await stage.pass_time(300)).standing == ()


class TestBroken:
    async def test_an_engine_that_forgets_the_deadline_of_the_next_step(self, stage: Stage) -> None:
        incident = await fire(stage)
        stage.world.engine.deadlines.cancel(("step", incident))
        looked = await stage.pass_time(300)
        assert keys(looked) == ["step"]
        assert looked.standing[0].suspicion.urgent
        assert stage.monotonic() - 1000 < 30 + 10 + TOLERANCE_S + 20, "found within the tolerance"

    async def test_a_chain_beside_the_homes_own_that_is_forgotten(self, stage: Stage) -> None:
        county = Chain(name="county", steps=(PlanStep(tell=("director",), after=60 * SECOND),))
        both = replace(plan(Category.FIRE, ("carer", 0), every=30), chains=(county,))
        await stage.put(loaded(stage.world.at, with_plan(SITE, both)))
        incident = await fire(stage)
        stage.world.engine.deadlines.cancel(("step", incident, "county"))
        assert keys(await stage.pass_time(400)) == ["step"]

    async def test_an_engine_that_sets_no_next_step(self, stage: Stage) -> None:
        incident = await fire(stage)
        book = stage.world.engine.incident_book
        book.open[incident] = replace(book.open[incident], next_step_at=None)
        stage.world.engine.deadlines.cancel(("step", incident))
        engine = stage.world.engine
        engine.seq += 1
        changed = IncidentChanged(at=stage.world.at, incident=replace(book.open[incident], timeline=()), change="x")
        await stage.record.commit(
            [JournalEntry(HOME, 1, engine.seq, stage.world.at, TimePassed(at=stage.world.at), (changed,))]
        )
        assert keys(await stage.pass_time(300)) == ["no"]

    async def test_an_engine_that_forgets_to_announce_anew(self, stage: Stage) -> None:
        incident = await fire(stage)
        await stage.put(_acts(stage, Verb.ACKNOWLEDGE, incident))
        stage.world.engine.deadlines.cancel(("progress", incident))
        looked = await stage.pass_time(900)
        assert set(keys(looked)) == {"verification", "progress"}

    async def test_an_engine_that_forgets_the_whole_incident(self, stage: Stage) -> None:
        incident = await fire(stage)
        await stage.pass_time(10)
        engine = stage.world.engine
        del engine.incident_book.open[incident]
        engine.alarm_book.open.clear()
        engine.alarm_book.by_cause.clear()
        await stage.put(spoke(stage.world.at, "meter-1", temperature=20.0), snapshot=True)
        assert keys(stage.auditor.look()) == ["vanished"]

    async def test_a_snapshot_that_lost_the_deadline_is_found_before_the_step_is_due(self, stage: Stage) -> None:
        incident = await fire(stage)
        stage.world.engine.deadlines.cancel(("step", incident))
        await stage.put(spoke(stage.world.at, "meter-1", temperature=20.0), snapshot=True)
        assert keys(stage.auditor.look()) == ["forgotten"]

    async def test_a_message_of_which_nothing_is_known(self, stage: Stage) -> None:
        stage.replies = False
        await fire(stage)
        looked = await stage.pass_time(400)
        assert "message" in keys(looked)
        assert "sms" in looked.new[0].suspicion.text.en

    async def test_a_frozen_gateway(self, stage: Stage) -> None:
        await fire(stage)
        await stage.pass_time(20)
        stage.frozen = True
        looked = await stage.pass_time(200, deciding=False)
        assert "gateway" in keys(looked) and "frozen" in looked.new[0].suspicion.text.en
        stage.frozen = False
        looked = await stage.pass_time(10)
        assert [finding.suspicion.key for finding in looked.over] == ["gateway"]

    async def test_a_journal_that_stops_while_the_gateway_goes_on_in_memory(self, stage: Stage) -> None:
        await stage.pass_time(10)
        stage.held = 3
        assert keys(await stage.pass_time(200)) == ["journal"]

    async def test_inputs_that_are_decided_and_never_committed(self, stage: Stage) -> None:
        await stage.pass_time(10)
        for _ in range(12):
            stage.inputs += 5
            looked = await stage.pass_time(10)
        assert keys(looked) == ["commits"]

    async def test_a_deciding_task_that_stands_still(self, stage: Stage) -> None:
        await stage.pass_time(10)
        stage.decided_s, stage.inbox_depth = 40.0, 7
        assert keys(await stage.pass_time(200)) == ["deciding"]

    async def test_alarm_packets_that_cannot_be_acknowledged(self, stage: Stage) -> None:
        stage.unsettled = 2
        assert keys(await stage.pass_time(200)) == ["acknowledged"]

    async def test_a_journal_that_nobody_can_read(self, stage: Stage, tmp_path: Path) -> None:
        auditor = Auditor(tmp_path / "gone.db", [HOME], stage.ask, stage, TOLERANCE_S)
        auditor.look()
        stage.clock.advance(100)
        assert "unreadable" in keys(auditor.look())

    async def test_another_file_in_its_place_is_followed_from_its_beginning(self, stage: Stage, tmp_path: Path) -> None:
        await fire(stage)
        assert stage.auditor.look().incidents == 1
        (tmp_path / "other").mkdir()
        async with journal(tmp_path / "other", streams=(HOME,)) as other:
            await other.commit([JournalEntry(HOME, 1, 1, START, TimePassed(at=START))])
        stage.auditor._journal = tmp_path / "other" / "journal.db"
        assert stage.auditor.look().incidents == 0


def _acts(stage: Stage, verb: Verb, target: str, **more):
    return OperatorActed(at=stage.world.at, person="carer", verb=verb, target=target, **more)


class TestCost:
    """It stays O(open incidents): neither a long journal nor a long archive makes a look dearer."""

    ROWS = 1_000_000

    async def test_a_million_rows_of_the_journal_are_not_read(self, stage: Stage, tmp_path: Path) -> None:
        path, engine = tmp_path / "journal.db", stage.world.engine
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i+1 FROM n WHERE i < {self.ROWS})"
        with sqlite3.connect(path) as database:
            database.execute(
                "INSERT INTO segment (stream, epoch, first_seq, last_seq, at_first, at_last, entries, alarms, size, "
                f"wire, body) {numbers} SELECT ?, 1, i, i, 0, 0, 1, 0, 2, 1, '[]' FROM n",
                (HOME,),
            )
            database.execute(
                f"INSERT INTO archive (stream, epoch, seq, at, wire, body) {numbers} "
                "SELECT ?, 1, i, 0, 1, '[]' FROM n WHERE i % 10 = 0",
                (HOME,),
            )
        database.close()
        # The engine has gone all that way, and its newest snapshot lies shortly before the fire.
        engine.seq = self.ROWS
        await stage.put(TimePassed(at=stage.world.at), snapshot=True)
        await fire(stage)
        costs = []
        with AuditedJournal(path) as file:
            steps = [0]
            file._database.set_progress_handler(_counter(steps), 100)
            home = HomeAudit(HOME)
            for _ in range(2):
                before, begun = file.rows_read, steps[0]
                _follow(file, home)
                costs.append((file.rows_read - before, steps[0] - begun))
            plans = [
                " ".join(str(row[3]) for row in file._database.execute(f"EXPLAIN QUERY PLAN {query}", _blank(query)))
                for query in AUDIT_QUERIES
            ]
        assert len(home.open) == 1
        assert costs[0][0] <= 10 and costs[1][0] <= 5, f"rows read by the first and the next look: {costs}"
        assert costs[0][1] < 50, f"hundreds of steps of SQLite's machine: {costs}"
        # `DISTINCT stream FROM snapshot` reads two rows a home; every other query goes straight to its rows.
        assert [plan for plan in plans if "SCAN" in plan and "snapshot" not in plan] == []


def _follow(file: AuditedJournal, home: HomeAudit) -> None:
    """What a look reads of one home."""
    tip, newest = file.tip(HOME), file.newest_snapshot(HOME)
    if newest > home.snapshot_seq:
        engine = file.snapshot(HOME, newest)
        assert engine is not None
        home.begin_at(engine)
    for entry in file.archived(HOME, home.position, tip):
        home.follow(entry)


def _counter(steps: list[int]) -> Callable[[], int]:
    def count() -> int:
        steps[0] += 1
        return 0

    return count


def _blank(query: str) -> tuple[object, ...]:
    return tuple(0 for _ in range(query.count("?")))


class Way:
    """A channel that notes what it is handed."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.handed: list[Notify] = []

    name = "maintainer"

    def takes(self, effect: object) -> bool:
        return True

    async def send(self, effect: Notify, key: str) -> SendResult:
        self.handed.append(effect)
        return SendResult(self.outcomes.pop(0) if self.outcomes else Outcome.ACCEPTED)


def looked(*keys: str) -> Looked:
    found = tuple(Finding(Suspicion(key, HOME, Text(f"{key}坏了", f"{key} broke")), START) for key in keys)
    return Looked(found, found, (), (), 0, 0)


class TestCalls:
    async def test_it_calls_once_then_again_after_the_pause_then_when_it_is_over(self) -> None:
        way, clock = Way(), ManualClock()
        caller = Caller([(way, "topic")], clock, repeat_s=900)
        for seconds, want in ((0, 1), (10, 1), (900, 2)):
            clock.advance(seconds)
            assert await caller.tell(looked("step a"))
            assert len(way.handed) == want
        assert await caller.tell(looked())
        assert [message.purpose for message in way.handed] == ["call", "call", "over"]
        assert way.handed[0].address == "topic" and way.handed[0].channel == "maintainer"

    async def test_a_further_finding_is_told_at_once(self) -> None:
        way = Way()
        caller = Caller([(way, "")], ManualClock(), repeat_s=900, language="en")
        await caller.tell(looked("a"))
        await caller.tell(looked("a", "b"))
        assert len(way.handed) == 2 and "b broke" in notice_of("en", way.handed[1]).text

    async def test_a_refused_call_is_said_again_at_the_next_look(self) -> None:
        way = Way(Outcome.REFUSED)
        caller = Caller([(way, "")], ManualClock(), repeat_s=900)
        assert not await caller.tell(looked("a"))
        assert await caller.tell(looked("a"))
        assert len(way.handed) == 2

    async def test_one_way_that_refuses_does_not_keep_the_other_from_it(self) -> None:
        first, second = Way(Outcome.REFUSED), Way()
        assert await Caller([(first, ""), (second, "")], ManualClock(), repeat_s=900).tell(looked("a"))
        assert len(second.handed) == 1

    @pytest.mark.parametrize(
        "language, want", [("zh", "【审计】报警链有漏洞"), ("en", "[AUDIT] the chain of alarms is broken")]
    )
    async def test_the_words_of_both_languages(self, language: str, want: str) -> None:
        way = Way()
        await Caller([(way, "")], ManualClock(), 900, language).tell(looked(*"abcdefghijkl"))
        notice = notice_of(language, way.handed[0])
        assert notice.title == want and len(notice.lines) == 12 and len(notice.short) <= 70
        assert "2" in notice.lines[-1]
