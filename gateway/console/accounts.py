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
from collections.abc import Callable
from pathlib import Path

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.accounts_file import Account, AccountsError, load_accounts

PASSWORD_MIN = 8
"""Characters of a password that a person chooses (NIST SP 800-63B section 5.1.1.2)."""
PASSWORD_MAX = 256

_HASHER = PasswordHasher()
_log = structlog.get_logger(__name__)


class AccountBook:
    """The accounts as the file says now. A changed file is read again; while it is wrong, the last good one holds.

    Wrong from the start: nobody can log in, `fault` says why, and `tell` hears of it (and "" once it is mended).
    """

    def __init__(self, path: Path | None, tell: Callable[[str], object] | None = None) -> None:
        self._path = path
        self._tell = tell
        self._accounts: dict[str, Account] = {}
        self.fault = ""
        self._stamp = self._stamp_now()
        if path is not None:
            self._load(path)

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
        self._load(self._path)

    def _load(self, path: Path) -> None:
        before = self.fault
        try:
            self._accounts = load_accounts(path)
            self.fault = ""
        except AccountsError as error:
            self.fault = str(error)
            _log.warning("accounts file not taken; the last good one holds, if there was one", reason=self.fault)
        if self._tell is not None and self.fault != before:
            self._tell(self.fault)


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
