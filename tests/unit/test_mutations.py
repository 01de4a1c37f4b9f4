"""Faults planted in a copy of the engine are seen by its tests: some of them here, all by `make mutations`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutations.planted import MUTATIONS, SHORT, Mutation
from tests.mutations.run import PASSED, ROOT, answer_of, copy_of_the_program, is_seen, planted_text

CHOSEN = [mutation for mutation in MUTATIONS if mutation.name in SHORT]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_program(tmp_path_factory.mktemp("copy"))


def test_there_are_enough_of_them_each_with_its_name() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 40
    assert len(CHOSEN) == len(SHORT) >= 8


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation.name for mutation in MUTATIONS])
def test_the_line_of_a_fault_still_stands_there(mutation: Mutation) -> None:
    text = (ROOT / "rules" / f"{mutation.file}.py").read_text("utf-8")
    compile(planted_text(mutation, text), mutation.file, "exec")
    assert (ROOT / "tests" / "unit" / f"{mutation.tests}.py").exists()


def test_without_a_fault_the_tests_pass(copy: Path) -> None:
    assert answer_of(copy, "test_attendance") == PASSED


@pytest.mark.parametrize("mutation", CHOSEN, ids=[mutation.name for mutation in CHOSEN])
def test_a_planted_fault_is_seen(copy: Path, mutation: Mutation) -> None:
    assert is_seen(copy, mutation)
