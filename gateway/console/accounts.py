"""The accounts of the console: a TOML file of names, argon2 hashes, roles and the homes they may see.

    [[account]]
    name = "wang"
    person = "p-wang"
    password_hash = "$argon2id$…"
    roles = ["operator"]
    homes = ["*"]
    language = "zh"

`python -m gateway.console.accounts hash` asks for a password and prints its hash.
"""

from __future__ import annotations

import getpass
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

PASSWORD_MIN = 8
"""Characters of a password that a person chooses (NIST SP 800-63B section 5.1.1.2)."""
PASSWORD_MAX = 256

EVERY_HOME = "*"

_HASHER = PasswordHasher()
_log = structlog.get_logger(__name__)


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
            raise ValueError("not a whole argon2 hash; make one with 'account hash'") from error
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


class _AccountsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    account: tuple[Account, ...] = ()


class AccountsError(Exception):
    """The accounts file cannot be used: which account, which field, and what is wrong with it."""


def load_accounts(path: Path) -> dict[str, Account]:
    """The accounts of the file, by name."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise AccountsError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AccountsError(f"{path}: not TOML: {error}") from error
    try:
        accounts = _AccountsFile.model_validate(data).account
    except ValidationError as error:
        # The input is left out of the words: it may hold a hash.
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise AccountsError(f"{path}: {faults}") from error
    found: dict[str, Account] = {}
    for account in accounts:
        if account.name in found:
            raise AccountsError(f"{path}: account {account.name!r} stands there twice")
        found[account.name] = account
    return found


class AccountBook:
    """The accounts as the file says now. A changed file is read again; while it is wrong, the last good one holds."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp = self._stamp_now()
        self._accounts = load_accounts(path) if path is not None else {}

    def find(self, name: str) -> Account | None:
        """The account of this name, or None."""
        self._refresh()
        return self._accounts.get(name)

    @property
    def empty(self) -> bool:
        """Whether nobody can log in."""
        self._refresh()
        return not self._accounts

    def _stamp_now(self) -> tuple[int, int]:
        if self._path is None:
            return (0, 0)
        try:
            state = self._path.stat()
        except OSError:
            return (0, 0)
        return (state.st_mtime_ns, state.st_size)

    def _refresh(self) -> None:
        stamp = self._stamp_now()
        if self._path is None or stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._accounts = load_accounts(self._path)
        except AccountsError as error:
            _log.warning("accounts file not taken, the last good one holds", reason=str(error))


def hash_password(password: str) -> str:
    """The argon2id hash of a password, as it stands in the file."""
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise AccountsError(f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters")
    return _HASHER.hash(password)


_NOBODY = _HASHER.hash("nobody has this account")


def password_fits(account: Account | None, password: str) -> bool:
    """Whether the password is the account's. Takes as long for an account that does not exist (slow: use a thread)."""
    if len(password) > PASSWORD_MAX:
        return False
    try:
        _HASHER.verify(account.password_hash if account is not None else _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return account is not None


def main(arguments: list[str]) -> int:
    """`hash`: ask for a password (or read one line from standard input) and print its hash."""
    if arguments != ["hash"]:
        print("usage: python -m gateway.console.accounts hash", file=sys.stderr)
        return 2
    if sys.stdin.isatty():
        password = getpass.getpass("password: ")
        if getpass.getpass("once more: ") != password:
            print("the two are not the same", file=sys.stderr)
            return 1
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        print(hash_password(password))
    except AccountsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
