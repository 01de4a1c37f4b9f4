"""The phones of people: enrolled by a one-time code, each somebody's, revocable; a small table beside the journal.

Nothing of it stands in the journal or the ledger: a phone that is revoked is erased. Codes and keys are kept as hashes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from gateway.clock import Clock

PHONES_MAX: Final = 2000
PHONES_OF_A_PERSON_MAX: Final = 8
CODES_MAX: Final = 500
"""Codes that wait to be used; beyond it the oldest is forgotten."""
CODE_LIFETIME: Final = timedelta(hours=2)
SEEN_EVERY: Final = timedelta(hours=1)
"""How exactly it is remembered when a phone was here last: a row is not written for each page."""
NAME_MAX: Final = 60

_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Of a code: without those that look alike when somebody types it from a screen."""
_CODE_LETTERS: Final = 10
"""31^10 codes: 49 bits, for two hours, behind a throttle."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS phone (id TEXT PRIMARY KEY, key_hash BLOB NOT NULL, row BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS code (code_hash BLOB PRIMARY KEY, row BLOB NOT NULL) STRICT;
"""


class Subscription(msgspec.Struct, frozen=True):
    """Where a browser's push service takes messages for a phone, and the keys that only this phone reads them with."""

    endpoint: str
    p256dh: str
    auth: str


class Phone(msgspec.Struct, frozen=True, kw_only=True):
    """One enrolled phone (or tablet): whose it is, in which homes, what its browser calls itself, and its push."""

    id: str
    person: str
    homes: tuple[str, ...]
    name: str
    enrolled_at: datetime
    enrolled_by: str
    seen_at: datetime
    push: Subscription | None = None


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What a code is good for: to make one phone this person's, once, until it expires."""

    person: str
    homes: tuple[str, ...]
    made_by: str
    expires_at: datetime


class PhonesUnusable(Exception):
    """The file of the phones cannot be used; the text says why and what to do."""


class PhonesFull(Exception):
    """No further phone: the text says which limit is reached and what to do."""


_phone_row = msgspec.msgpack.Decoder(Phone)
_code_row = msgspec.msgpack.Decoder(Invitation)


class PhoneBook:
    """All enrolled phones, in memory and on disk. Instants are those of the wall clock: it outlives restarts.

    `path` None keeps nothing (the file cannot be used: phones can be enrolled, until the restart).
    """

    def __init__(
        self, path: Path | None, clock: Clock, token: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._clock = clock
        self._token = token
        self._writing = asyncio.Lock()
        self._phones: dict[str, Phone] = {}
        self._keys: dict[str, bytes] = {}
        self._codes: dict[bytes, Invitation] = {}
        try:
            self._database = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
            # What is erased must not stay in the file's free pages.
            self._database.execute("PRAGMA secure_delete=ON")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.executescript(_SCHEMA)
            self._load()
        except (sqlite3.Error, msgspec.DecodeError) as error:
            words = f"{path}: {error}. Move the file away and enrol the phones anew, or put a backup in its place"
            raise PhonesUnusable(words) from error

    def _load(self) -> None:
        for name, key, row in self._database.execute("SELECT id, key_hash, row FROM phone"):
            self._phones[name] = _phone_row.decode(row)
            self._keys[name] = bytes(key)
        for code, row in self._database.execute("SELECT code_hash, row FROM code"):
            self._codes[bytes(code)] = _code_row.decode(row)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # reading: from memory

    def of_home(self, home: str) -> list[Phone]:
        """The phones of a home's people, the newest first."""
        found = [phone for phone in self._phones.values() if home in phone.homes]
        return sorted(found, key=lambda phone: (phone.enrolled_at, phone.id), reverse=True)

    def of_person(self, home: str, person: str) -> list[Phone]:
        """The phones of one person of a home."""
        return [phone for phone in self._phones.values() if phone.person == person and home in phone.homes]

    def find(self, phone: str) -> Phone | None:
        """The phone with this id, or None: it was revoked."""
        return self._phones.get(phone)

    def recognise(self, cookie: str | None) -> Phone | None:
        """The phone that a cookie belongs to; None where it is forged, or the phone was revoked."""
        name, dot, key = (cookie or "").partition(".")
        phone = self._phones.get(name)
        if phone is None or not dot or not hmac.compare_digest(self._keys[name], _hash(key)):
            return None
        return phone

    def invitation(self, code: str) -> Invitation | None:
        """What a code is good for; None where there is no such code any more."""
        found = self._codes.get(_hash(_plain(code)))
        return found if found is not None and found.expires_at > self._clock.wall() else None

    # writing: memory and file

    async def invite(self, person: str, homes: tuple[str, ...], by: str) -> str:
        """A one-time code with which a phone becomes this person's."""
        now = self._clock.wall()
        gone = [code for code, known in self._codes.items() if known.expires_at <= now]
        code = "".join(_LETTERS[byte % len(_LETTERS)] for byte in self._even_bytes(_CODE_LETTERS))
        made = Invitation(person=person, homes=homes, made_by=by, expires_at=now + CODE_LIFETIME)
        self._codes[_hash(code)] = made
        kept = [known for known in self._codes if known not in gone]
        gone += kept[: max(0, len(kept) - CODES_MAX)]
        for known in gone:
            del self._codes[known]
        await self._write(
            ("INSERT OR REPLACE INTO code VALUES (?, ?)", (_hash(code), msgspec.msgpack.encode(made))),
            *(("DELETE FROM code WHERE code_hash = ?", (known,)) for known in gone),
        )
        return f"{code[:5]}-{code[5:]}"

    def _even_bytes(self, count: int) -> Iterator[int]:
        """Random bytes of which each letter is as likely as the others."""
        limit = 256 - 256 % len(_LETTERS)
        while count:
            for byte in self._token(count):
                if byte < limit:
                    count -= 1
                    yield byte

    async def enrol(self, code: str, name: str) -> tuple[Phone, str] | None:
        """The phone that this code makes and its cookie, once; None where the code is not good (any more).

        PhonesFull where there are too many already; the code stays good then.
        """
        invitation = self.invitation(code)
        if invitation is None:
            return None
        return await self.enrol_person(invitation.person, invitation.homes, name, invitation.made_by, code)

    async def enrol_person(
        self, person: str, homes: tuple[str, ...], name: str, by: str, code: str = ""
    ) -> tuple[Phone, str]:
        """A new phone of a person who is known already (logged in), and its cookie; the code is used up with it."""
        mine = sum(phone.person == person and bool(set(phone.homes) & set(homes)) for phone in self._phones.values())
        if mine >= PHONES_OF_A_PERSON_MAX or len(self._phones) >= PHONES_MAX:
            raise PhonesFull(f"{mine} phones of this person, {len(self._phones)} in all: revoke one that is not used")
        now = self._clock.wall()
        phone_id, key = self._token(9).hex(), self._token(32).hex()
        named = "".join(letter for letter in name if letter.isprintable())[:NAME_MAX]
        phone = Phone(
            id=phone_id, person=person, homes=homes, name=named, enrolled_at=now, enrolled_by=by, seen_at=now
        )
        code_hash = _hash(_plain(code))
        self._codes.pop(code_hash, None)
        self._phones[phone_id] = phone
        self._keys[phone_id] = _hash(key)
        await self._write(_put(phone, self._keys), ("DELETE FROM code WHERE code_hash = ?", (code_hash,)))
        return phone, f"{phone_id}.{key}"

    async def seen(self, phone: Phone) -> None:
        """Note that a phone is in use; written at most once an hour."""
        now = self._clock.wall()
        known = self._phones.get(phone.id)
        if known is not None and abs(now - known.seen_at) >= SEEN_EVERY:
            await self._keep(replace(known, seen_at=now))

    async def subscribe(self, phone: str, push: Subscription | None) -> bool:
        """Where messages for this phone are pushed to from now on; None: nowhere. False: the phone was revoked."""
        known = self._phones.get(phone)
        if known is None:
            return False
        if known.push != push:
            await self._keep(replace(known, push=push))
        return True

    async def unsubscribe(self, phone: str, push: Subscription) -> bool:
        """Forget where messages were pushed to, unless the phone has named another place meanwhile."""
        known = self._phones.get(phone)
        if known is None or known.push != push:
            return False
        await self._keep(replace(known, push=None))
        return True

    async def revoke(self, phone: str) -> bool:
        """Erase a phone: its cookie is good for nothing from now on."""
        if self._phones.pop(phone, None) is None:
            return False
        del self._keys[phone]
        await self._write(("DELETE FROM phone WHERE id = ?", (phone,)))
        return True

    async def forget_others(self, people: Callable[[str, str], bool]) -> int:
        """Erase the phones of those who are in none of their homes any more; `people` knows who is (home, person)."""
        gone = [
            phone.id
            for phone in self._phones.values()
            if not any(people(home, phone.person) for home in phone.homes)
        ]
        for phone in gone:
            await self.revoke(phone)
        return len(gone)

    async def _keep(self, phone: Phone) -> None:
        self._phones[phone.id] = phone
        await self._write(_put(phone, self._keys))

    async def _write(self, *work: tuple[str, tuple[object, ...]]) -> None:
        async with self._writing:
            await asyncio.to_thread(self._commit, work)

    def _commit(self, work: Iterable[tuple[str, tuple[object, ...]]]) -> None:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            for statement, values in work:
                self._database.execute(statement, values)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise PhonesUnusable(f"the phones' file cannot be written: {error}. Make room on the disk") from error


def _put(phone: Phone, keys: dict[str, bytes]) -> tuple[str, tuple[object, ...]]:
    row = msgspec.msgpack.encode(phone)
    return "INSERT OR REPLACE INTO phone VALUES (?, ?, ?)", (phone.id, keys[phone.id], row)


def _plain(code: str) -> str:
    """A code as somebody types it: without spaces and hyphens, in capitals."""
    return "".join(letter for letter in code.upper() if letter.isalnum())[:_CODE_LETTERS]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
