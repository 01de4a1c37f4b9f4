"""Enrolled phones: one code, one phone; a revoked one is erased; the limits say what to do; a restart keeps them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.record import phones
from gateway.record.phones import CODE_LIFETIME, PhoneBook, PhonesFull, PhonesUnusable, Subscription
from tests.console_world import ShiftableClock

PUSH = Subscription("https://push.example/1", "p", "a")


@pytest.fixture
def clock() -> ShiftableClock:
    return ShiftableClock()


@pytest.fixture
async def book(tmp_path: Path, clock: ShiftableClock) -> AsyncIterator[PhoneBook]:
    made = PhoneBook(tmp_path / "phones.db", clock)
    yield made
    made.close()


async def enrolled(book: PhoneBook, person: str = "p-wang", home: str = "jinlan") -> tuple[phones.Phone, str]:
    made = await book.enrol(await book.invite(person, (home,), "chen"), "Chrome, Android")
    assert made is not None
    return made


async def test_a_code_makes_one_phone_and_no_second(book: PhoneBook) -> None:
    code = await book.invite("p-wang", ("jinlan",), "chen")
    first = await book.enrol(code, "Chrome")
    assert first is not None
    phone, cookie = first
    assert (phone.person, phone.homes, phone.enrolled_by) == ("p-wang", ("jinlan",), "chen")
    assert book.recognise(cookie) == phone
    assert await book.enrol(code, "another") is None


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(lambda code: code.lower(), id="small_letters"),
        pytest.param(lambda code: f" {code.replace('-', ' ')} ", id="spaces"),
        pytest.param(lambda code: code.replace("-", ""), id="without_hyphen"),
    ],
)
async def test_a_code_may_be_typed(book: PhoneBook, typed: object) -> None:
    code = await book.invite("p-wang", ("jinlan",), "chen")
    assert book.invitation(typed(code)) is not None  # type: ignore[operator]


async def test_a_code_expires(book: PhoneBook, clock: ShiftableClock) -> None:
    code = await book.invite("p-wang", ("jinlan",), "chen")
    clock.advance(CODE_LIFETIME - timedelta(seconds=1))
    assert book.invitation(code) is not None
    clock.advance(timedelta(seconds=1))
    assert book.invitation(code) is None
    assert await book.enrol(code, "late") is None


async def test_codes_that_wait_are_bounded(book: PhoneBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phones, "CODES_MAX", 2)
    codes = [await book.invite("p-wang", ("jinlan",), "chen") for _ in range(3)]
    assert [book.invitation(code) is not None for code in codes] == [False, True, True]


@pytest.mark.parametrize("cookie", ["", "x", "x.y", None, "."])
async def test_a_forged_cookie_is_nobodys(book: PhoneBook, cookie: str | None) -> None:
    await enrolled(book)
    assert book.recognise(cookie) is None


async def test_a_known_id_with_another_key_is_nobodys(book: PhoneBook) -> None:
    phone, cookie = await enrolled(book)
    assert book.recognise(f"{phone.id}.{'0' * 64}") is None
    assert book.recognise(cookie[:-1]) is None


async def test_a_restart_keeps_phones_codes_and_subscriptions(tmp_path: Path, clock: ShiftableClock) -> None:
    first = PhoneBook(tmp_path / "p.db", clock)
    phone, cookie = await enrolled(first)
    await first.subscribe(phone.id, PUSH)
    code = await first.invite("p-li", ("jinlan",), "chen")
    first.close()
    second = PhoneBook(tmp_path / "p.db", clock)
    again = second.recognise(cookie)
    assert again is not None
    assert again.push == PUSH
    assert second.invitation(code) is not None
    second.close()


async def test_a_revoked_phone_is_erased_from_the_file(tmp_path: Path, clock: ShiftableClock) -> None:
    book = PhoneBook(tmp_path / "p.db", clock)
    phone, cookie = await enrolled(book, "p-unmistakable")
    await book.subscribe(phone.id, PUSH)
    assert await book.revoke(phone.id)
    assert book.recognise(cookie) is None
    assert not await book.revoke(phone.id)
    assert not await book.subscribe(phone.id, PUSH)
    book.close()
    kept = (tmp_path / "p.db").read_bytes()
    assert b"p-unmistakable" not in kept
    assert b"push.example" not in kept


async def test_neither_codes_nor_keys_stand_in_the_file(tmp_path: Path, clock: ShiftableClock) -> None:
    book = PhoneBook(tmp_path / "p.db", clock)
    _, cookie = await enrolled(book)
    code = await book.invite("p-li", ("jinlan",), "chen")
    book.close()
    kept = (tmp_path / "p.db").read_bytes()
    assert cookie.partition(".")[2].encode() not in kept
    assert code.replace("-", "").encode() not in kept


async def test_too_many_phones_of_one_person_are_refused_and_the_code_stays_good(
    book: PhoneBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phones, "PHONES_OF_A_PERSON_MAX", 1)
    await enrolled(book)
    code = await book.invite("p-wang", ("jinlan",), "chen")
    with pytest.raises(PhonesFull, match="revoke one"):
        await book.enrol(code, "second")
    assert book.invitation(code) is not None
    await enrolled(book, "p-li")


async def test_a_forgotten_subscription_does_not_take_the_new_one_with_it(book: PhoneBook) -> None:
    phone, _ = await enrolled(book)
    newer = Subscription("https://push.example/2", "p", "a")
    await book.subscribe(phone.id, PUSH)
    await book.subscribe(phone.id, newer)
    assert not await book.unsubscribe(phone.id, PUSH)
    assert book.of_person("jinlan", "p-wang")[0].push == newer
    assert await book.unsubscribe(phone.id, newer)
    assert book.of_person("jinlan", "p-wang")[0].push is None


async def test_the_phones_of_people_who_left_are_erased(book: PhoneBook) -> None:
    _, gone = await enrolled(book, "p-left")
    _, stays = await enrolled(book)
    assert await book.forget_others(lambda home, person: (home, person) == ("jinlan", "p-wang")) == 1
    assert book.recognise(gone) is None
    assert book.recognise(stays) is not None


async def test_a_file_that_is_none_says_what_to_do(tmp_path: Path, clock: ShiftableClock) -> None:
    (tmp_path / "p.db").write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(PhonesUnusable, match="enrol the phones anew"):
        PhoneBook(tmp_path / "p.db", clock)


async def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, clock: ShiftableClock) -> None:
    book = PhoneBook(tmp_path / "p.db", clock)
    other = sqlite3.connect(tmp_path / "p.db")
    other.execute("DROP TABLE code")
    with pytest.raises(PhonesUnusable, match="cannot be written"):
        await book.invite("p-wang", ("jinlan",), "chen")
    other.close()
    book.close()


async def test_when_a_phone_was_here_is_written_once_an_hour(book: PhoneBook, clock: ShiftableClock) -> None:
    phone, _ = await enrolled(book)
    clock.advance(timedelta(minutes=59))
    await book.seen(phone)
    assert book.of_home("jinlan")[0].seen_at == phone.seen_at
    clock.advance(timedelta(minutes=1))
    await book.seen(phone)
    assert book.of_home("jinlan")[0].seen_at > phone.seen_at
