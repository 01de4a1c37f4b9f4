"""The accounts file: names, argon2 hashes, roles, and the homes that each may see; and everything wrong with it."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rules.parse import Fault
from rules.parse_fields import suggestion

EVERY_HOME = "*"

_HASHER = PasswordHasher()
_MENDS = {
    "password_hash": "Make one with `anlian account hash`; a password itself never stands in the file",
    "roles": 'Write roles = ["viewer"] or roles = ["operator"]',
    "name": "Write a to z, 0 to 9, dot, hyphen and underscore, at most 32",
    "language": 'Write "zh" or "en", or leave it out',
    "homes": 'Write homes = ["*"], or the ids of homes',
}


class Account(BaseModel):
    """One account. `viewer` may look, `operator` may also silence, acknowledge, judge and reset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$")]
    person: Annotated[str, Field(max_length=64)] = ""
    password_hash: Annotated[str, Field(pattern=r"^\$argon2(id|i|d)\$")]
    roles: tuple[Literal["viewer", "operator"], ...] = ("viewer",)
    homes: tuple[str, ...] = ()
    language: Literal["zh", "en", ""] = ""

    @field_validator("password_hash")
    @classmethod
    def _is_a_whole_hash(cls, value: str) -> str:
        try:
            _HASHER.check_needs_rehash(value)
        except InvalidHashError as error:
            raise ValueError("not a whole argon2 hash; it was cut short; make one with 'account hash'") from error
        return value

    @property
    def operates(self) -> bool:
        """Whether this account may change anything."""
        return "operator" in self.roles

    @property
    def acts_as(self) -> str:
        """The id that stands in the ledger: the person's, or the account's where no person is named."""
        return self.person or f"account:{self.name}"

    def sees(self, home: str) -> bool:
        """Whether this home is within the account's scope."""
        return EVERY_HOME in self.homes or home in self.homes


class AccountsError(Exception):
    """The accounts file cannot be used: which account, which field, and what is wrong with it."""


def load_accounts(path: Path) -> dict[str, Account]:
    """The accounts of the file, by name. AccountsError with every fault where there is one."""
    accounts, faults = _read(path)
    if faults:
        raise AccountsError("; ".join(str(fault) for fault in faults))
    return {account.name: account for account in accounts}


def account_faults(path: Path, people: Mapping[str, Collection[str]]) -> list[Fault]:
    """Everything wrong with the file, with `people` as the person ids of each home: place, problem and mend."""
    accounts, faults = _read(path)
    for account in accounts:
        faults += _strange_homes(account, people, str(path))
    return faults


def _read(path: Path) -> tuple[list[Account], list[Fault]]:
    """The accounts that are right, and what is wrong with the file and with the others."""
    file = str(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        return [], [Fault(file=file, path="", problem=problem, mend="Let the gateway's user read it, or mend the path")]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return [], [Fault(file=file, path="", problem=f"not TOML: {error}", mend="Mend this line")]
    rows = data.pop("account", [])
    faults = [Fault(file=file, path=key, problem="unknown key", mend="Write [[account]]") for key in data]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return [], [Fault(file=file, path="account", problem="not a list of tables", mend="Write [[account]]")]
    accounts: list[Account] = []
    names: set[str] = set()
    for number, row in enumerate(rows):
        try:
            account = Account.model_validate(row)
        except ValidationError as error:
            faults += _faults_of(error, f"account.{number}", row, file)
            continue
        if account.name in names:
            problem, mend = f"account {account.name!r} stands there twice", "Strike one out, or give it another name"
            faults.append(Fault(file=file, path=f"account.{number}.name", problem=problem, mend=mend))
            continue
        names.add(account.name)
        accounts.append(account)
    return accounts, faults


def _faults_of(error: ValidationError, where: str, row: dict[str, Any], file: str) -> Iterator[Fault]:
    # The input is left out of the words: it may hold a password.
    name = row.get("name")
    whose = f" (account {name!r})" if isinstance(name, str) else ""
    for fault in error.errors():
        field = str(fault["loc"][0]) if fault["loc"] else ""
        place = ".".join(map(str, (where, *fault["loc"])))
        problem = f"{fault['msg']}{whose}"
        if field == "password_hash" and fault["type"] == "string_pattern_mismatch":
            problem = f"not an argon2 hash{whose}"
        mend = _MENDS.get(field, "") or suggestion(field, Account.model_fields)
        yield Fault(file=file, path=place, problem=problem, mend=mend)


def _strange_homes(account: Account, people: Mapping[str, Collection[str]], file: str) -> Iterator[Fault]:
    where = f"account {account.name}"
    for home in account.homes:
        if home != EVERY_HOME and home not in people:
            problem = f"unknown home {home!r}"
            yield Fault(file=file, path=f"{where}.homes", problem=problem, mend=suggestion(home, people))
    seen = {person for home, persons in people.items() if account.sees(home) for person in persons}
    if account.person and account.person not in seen:
        problem = f"unknown person {account.person!r} in the homes of this account"
        yield Fault(file=file, path=f"{where}.person", problem=problem, mend=suggestion(account.person, seen))
