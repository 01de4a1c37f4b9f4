"""`anlian duty` as a person runs it: gaps, a roster out to a file and in again, and every refusal with its remedy."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from icalendar import Calendar
from typer.testing import CliRunner, Result

from gateway.duty_command import duty
from tests.configuration_world import SITE, write
from tests.unit.test_roster_file import ROSTER


class At:
    """A clock that stands still."""

    def wall(self) -> datetime:
        return datetime(2026, 11, 23, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def on_a_monday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.duty_command.SystemClock", At)


def anlian(*words: object) -> Result:
    return CliRunner().invoke(duty, [str(word) for word in words])


@pytest.fixture
def main(tmp_path: Path) -> Path:
    return write(tmp_path, site=SITE + ROSTER)


def test_a_whole_roster_has_no_gaps(main: Path) -> None:
    said = anlian("gaps", main)
    assert (said.exit_code, said.output) == (0, "home-a 甲院: 0\n")


def test_a_gap_within_a_day_is_the_exit_code(tmp_path: Path) -> None:
    ends = ROSTER.replace("rotates_from = 2026-11-01", "rotates_from = 2026-11-01\nuntil_on = 2026-11-22")
    main = write(tmp_path, site=SITE + ends)
    said = anlian("gaps", main, "--language", "en", "--days", "2")
    assert said.exit_code == 1
    assert said.output == "home-a Home A: 2\n  11-23 20:00–11-24 08:00 护理: nobody is on duty (+1)\n"


def test_a_roster_goes_out_and_comes_in_again(main: Path, tmp_path: Path) -> None:
    table = tmp_path / "plan.csv"
    said = anlian("export", main, "--csv", "--from", "2026-12-01", "--days", 7, "--out", table)
    assert said.exit_code == 0, said.output
    assert table.read_bytes().startswith("\ufeffpost,begins,ends,person".encode())
    site_file = main.with_name("home-a.toml")
    before = site_file.read_text("utf-8")
    said = anlian("import", main, table)
    assert said.exit_code == 0, said.output
    assert "nothing was changed; do it with --apply" in said.output
    assert site_file.read_text("utf-8") == before
    said = anlian("import", main, table, "--apply")
    assert said.exit_code == 0, said.output
    assert "the gateway takes it over at its next start" in said.output
    assert 'id = "plan-care-1"' in site_file.read_text("utf-8")


def test_a_calendar_of_one_person(main: Path, tmp_path: Path) -> None:
    file = tmp_path / "li.ics"
    said = anlian("export", main, "--ics", "--person", "carer-1", "--from", "2026-12-01", "--days", 7, "--out", file)
    assert said.exit_code == 0, said.output
    events = list(Calendar.from_ical(file.read_bytes()).walk("VEVENT"))
    assert {str(event["SUMMARY"]) for event in events} == {"护理：陈"}
    assert events[0].start == datetime(2026, 12, 1, 0, tzinfo=UTC)


def test_one_wrong_row_and_nothing_is_taken(main: Path, tmp_path: Path) -> None:
    table = tmp_path / "plan.csv"
    good, bad = "care,2026-12-01 08:00,2026-12-01 20:00,carer-1", "care,2026-12-02 08:00,2026-12-02 20:00,carer-9"
    table.write_text(f"post,begins,ends,person\n{good}\n{bad}\n", "utf-8")
    before = main.with_name("home-a.toml").read_text("utf-8")
    said = anlian("import", main, table, "--apply")
    assert said.exit_code == 1
    assert "line 3: unknown person 'carer-9'. Did you mean 'carer-1'?" in said.output
    assert main.with_name("home-a.toml").read_text("utf-8") == before


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["gaps", "--home", "home-b"], "unknown home 'home-b'. Did you mean 'home-a'?"),
        (["export", "--csv", "--ics"], "choose one of --csv and --ics"),
        (["export", "--person", "carer-2"], "unknown person 'carer-2'"),
        (["export", "--from", "tomorrow"], "'tomorrow' is no day"),
        (["import", "none.csv"], "none.csv: No such file or directory"),
        (["export", "--out", "none/plan.csv"], "none/plan.csv: No such file or directory"),
    ],
    ids=["home", "form", "person", "day", "file", "folder"],
)
def test_what_is_asked_wrongly_is_said_with_its_remedy(
    main: Path, words: list[str], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(main.parent)
    said = anlian(words[0], main, *words[1:])
    assert said.exit_code == 2
    assert problem in said.output


def test_a_configuration_with_a_fault_is_told(tmp_path: Path) -> None:
    wrong = ROSTER.replace('post = "care"\nfrom = "08', 'post = "car"\nfrom = "08')
    said = anlian("gaps", write(tmp_path, site=SITE + wrong))
    assert said.exit_code == 2
    assert "unknown post 'car'" in said.output
