"""What the video platform WVP-GB28181-pro answers: a token, its devices, their channels, and whether they are on line.

Read from the project's own controllers (`/api/user/login`, `/api/device/query/devices`, `…/{id}/channels`). Releases
differ: answers with and without the envelope `{"code": 0, "msg": …, "data": …}`, states as `true`, `1` and `"ON"`, a
channel's code in `deviceId` (from 2.7.3 on) or in `channelId` (before, when `deviceId` was its device's).
A code is 20 digits (GB/T 28181-2016 annex D).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import msgspec

from devices.codec import DecodeError

LOGIN: Final = "/api/user/login"
DEVICES: Final = "/api/device/query/devices"
TOKEN_HEADER: Final = "access-token"
CODE_DIGITS: Final = 20

_NOT_LET_IN: Final = 401
_ON: Final = frozenset({"ON", "ONLINE", "1", "TRUE"})
_OFF: Final = frozenset({"OFF", "OFFLINE", "0", "FALSE", "VLOST", "DEFECT"})


class Refused(Exception):
    """The platform answered with an error of its own. `not_let_in`: the token is missing, wrong or too old."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"it answers {code}: {words}" if words else f"it answers {code}")
        self.not_let_in = code == _NOT_LET_IN


class Item(msgspec.Struct, frozen=True):
    """A device or a channel of the platform: the codes it goes by, and whether it is on line (None: it does not say).

    Directories stand in the same list as cameras, often without a state.
    """

    codes: tuple[str, ...]
    on_line: bool | None


class Page(msgspec.Struct, frozen=True):
    """One page of a list, and how many there are in all."""

    total: int
    items: tuple[Item, ...]


def channels_of(device: str) -> str:
    """The path of a device's channels."""
    return f"{DEVICES}/{device}/channels"


def login_query(username: str, password: str) -> dict[str, str]:
    """What a log-in asks with: the platform wants the MD5 of the password, which is as good as the password itself."""
    digest = hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
    return {"username": username, "password": digest}


def read_token(status: int, body: bytes, header: str = "") -> str:
    """The token of a log-in: in the answer's data, or in its header. Refused, or DecodeError where there is none."""
    data = _data(status, body)
    token = data.get("accessToken") if isinstance(data, dict) else None
    token = token or header
    if not isinstance(token, str) or not token:
        found = sorted(data) if isinstance(data, dict) else type(data).__name__  # never its values
        raise DecodeError("data.accessToken", "a token", found)
    return token


def read_devices(status: int, body: bytes) -> Page:
    """A page of devices."""
    return _page(status, body, ("deviceId",), ("onLine", "online"))


def read_channels(status: int, body: bytes) -> Page:
    """A page of channels."""
    return _page(status, body, ("channelId", "deviceId", "gbDeviceId"), ("status", "gbStatus"))


def _page(status: int, body: bytes, codes: tuple[str, ...], states: tuple[str, ...]) -> Page:
    data = _data(status, body)
    entries = data.get("list") if isinstance(data, dict) else None
    if not isinstance(entries, list):
        raise DecodeError("data.list", "a list", entries)
    total = data.get("total")
    if not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise DecodeError("data.total", "a number", total)
    return Page(total, tuple(_item(place, entry, codes, states) for place, entry in enumerate(entries)))


def _item(place: int, entry: Any, codes: tuple[str, ...], states: tuple[str, ...]) -> Item:
    where = f"data.list[{place}]"
    if not isinstance(entry, dict):
        raise DecodeError(where, "an object", entry)
    named = {name: entry[name] for name in codes if isinstance(entry.get(name), str) and entry[name]}
    if "channelId" in named:
        named.pop("deviceId", None)  # of the older form: it names the device
    if not named:
        raise DecodeError(f"{where}.{codes[-1]}", "a code", entry.get(codes[-1]))
    state = next((name for name in states if entry.get(name) is not None), states[0])
    return Item(tuple(dict.fromkeys(named.values())), _state(f"{where}.{state}", entry.get(state)))


def _state(where: str, value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().upper() if isinstance(value, (int, str)) else ""
    if word in _ON:
        return True
    if word in _OFF:
        return False
    if not word:
        return None
    raise DecodeError(where, "a state: true, 1, ON or false, 0, OFF", value)


def _data(status: int, body: bytes) -> Any:
    """The answer without its envelope; Refused where it is an error, whatever the status says."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        if not 200 <= status < 300:
            raise Refused(status, "") from None
        raise DecodeError("answer", "JSON", body[:40]) from None
    code = answer.get("code") if isinstance(answer, dict) else None
    if isinstance(code, int) and code != 0:
        raise Refused(_NOT_LET_IN if status == _NOT_LET_IN else code, str(answer.get("msg") or "")[:120])
    if not 200 <= status < 300:
        raise Refused(status, "")
    return answer["data"] if isinstance(answer, dict) and "data" in answer else answer
