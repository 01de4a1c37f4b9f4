"""The seal: the box's key, which signs the heads of the ledger (Ed25519), and the signed head as a file.

The private key never leaves data_dir. Whoever keeps the public key and a head elsewhere can tell later, without the
box's help, whether rows that the head vouches for were cut off or the chain was computed anew.
"""

from __future__ import annotations

import base64
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

KEY_FILE: Final = "ledger.key"
FOLDER: Final = "ledger-heads"
"""Where the signed heads lie, in data_dir."""

FILE_MAX: Final = 1024 * 1024
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.json")
_KEY_BYTES: Final = 32  # RFC 8032, 5.1.5
_PREFIX: Final = b"anlian ledger head 1\n"
"""Signed in front of every head: this key's signature of anything else is no head."""


class Head(msgspec.Struct, frozen=True):
    """The end of one chain: the number and the hash (hex) of its newest row, and when that happened (ms)."""

    stream: str
    epoch: int
    number: int
    at: int
    hash: str


class SignedHead(msgspec.Struct, frozen=True, kw_only=True):
    """The ends of all chains at an instant, signed. `key` is the public key, `signature` over `signed_bytes`."""

    version: int = 1
    at: datetime
    heads: tuple[Head, ...]
    key: str
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """What the signature is over."""
        parts = [self.version, self.at, [msgspec.structs.astuple(head) for head in self.heads], self.key]
        return _PREFIX + msgspec.json.encode(parts)


class SealFault(Exception):
    """A key or a signed head cannot be used; the text says which and why."""


class Seal:
    """The private key of this box."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = public_text(key.public_key())

    @classmethod
    def open(cls, path: Path) -> Seal:
        """The key in this file, made at the first time (mode 0600); SealFault if there is none to be had."""
        try:
            if not path.exists():
                _make(path)
            body = path.read_bytes()[: FILE_MAX + 1]
            return cls(Ed25519PrivateKey.from_private_bytes(base64.b64decode(body, validate=False)))
        except OSError as error:
            raise SealFault(f"{path}: {error.strerror}; give the gateway's user the right to its data_dir") from error
        except ValueError as error:
            raise SealFault(f"{path} is not a key of this program: put the right one back, or move it away") from error

    def sign(self, at: datetime, heads: tuple[Head, ...]) -> SignedHead:
        """These ends, signed."""
        unsigned = SignedHead(at=at, heads=heads, key=self.public)
        signature = base64.b64encode(self._key.sign(unsigned.signed_bytes())).decode()
        return msgspec.structs.replace(unsigned, signature=signature)


def _make(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    raw = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(base64.b64encode(raw) + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    fresh.rename(path)


def public_text(key: Ed25519PublicKey) -> str:
    """A public key as one line of base64."""
    return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def read_public(text: str) -> str:
    """A public key as it was written down, checked; SealFault if it is none."""
    try:
        raw = base64.b64decode(text.strip(), validate=True)
        return public_text(Ed25519PublicKey.from_public_bytes(raw))
    except ValueError as error:
        raise SealFault(f"not a public key ({_KEY_BYTES} bytes in base64, as `anlian ledger key` prints it)") from error


def read_head(body: bytes, name: str, key: str) -> SignedHead:
    """A signed head whose signature is by `key`; SealFault says what is wrong with it."""
    if len(body) > FILE_MAX:
        raise SealFault(f"{name} is longer than {FILE_MAX} bytes: no head")
    try:
        head = msgspec.json.decode(body, type=SignedHead)
    except msgspec.MsgspecError as error:
        raise SealFault(f"{name} is not a signed head: {error}") from error
    if head.version != 1:
        raise SealFault(f"{name} has version {head.version}; this program reads version 1")
    if head.key != key:
        raise SealFault(f"{name} is signed with another key ({head.key}) than {key}")
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
        public.verify(base64.b64decode(head.signature), head.signed_bytes())
    except (InvalidSignature, ValueError) as error:
        raise SealFault(f"{name}: the signature does not fit, the head was altered") from error
    return head


def head_files(folder: Path) -> list[Path]:
    """The files of the days, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _DAY.fullmatch(path.name))
