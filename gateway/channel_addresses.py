"""What an address of a person has to look like for each kind of channel: at the start and before each hand-over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

_MOBILES: Final = re.compile(r"\+?[0-9-]{5,20}(,\+?[0-9-]{5,20}){0,49}")
_OPEN_IDS: Final = re.compile(r"ou_[0-9A-Za-z]{1,64}(,ou_[0-9A-Za-z]{1,64}){0,49}")
_MEMBERS: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.@-]{0,63}(\|[0-9A-Za-z][0-9A-Za-z_.@-]{0,63}){0,49}")
_NTFY_TOPIC: Final = re.compile(r"[-_A-Za-z0-9]{1,64}")
_DEVICE_KEY: Final = re.compile(r"[0-9A-Za-z_-]{8,64}")
_MAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_MAIL_MAX: Final = 254
_MOBILE: Final = re.compile(r"(?:\+?86|0086)?-?(1[3-9]\d{9})")
_LANDLINE: Final = re.compile(r"(?:\+86)?-?(0\d{2,3})-?(\d{7,8})")


def plain_mobile(address: str) -> str:
    """The eleven digits of a mainland mobile number, or ""."""
    found = _MOBILE.fullmatch(address.replace(" ", ""))
    return found[1] if found else ""


def plain_landline(address: str) -> str:
    """The digits of a mainland landline with its area code, or ""."""
    found = _LANDLINE.fullmatch(address.replace(" ", ""))
    return found[1] + found[2] if found else ""


def _printable(address: str) -> str:
    return "" if address.isprintable() else "not printable"


def _ntfy(address: str) -> str:
    if not address:
        return "no ntfy topic in the site file"
    return "" if _NTFY_TOPIC.fullmatch(address) else "an ntfy topic has 1 to 64 letters, digits, - and _"


def _robot(address: str) -> str:
    if address in ("", "all") or _MOBILES.fullmatch(address):
        return ""
    return "for a group robot empty, `all`, or mobile numbers with commas between them"


def _feishu(address: str) -> str:
    if address in ("", "all") or _OPEN_IDS.fullmatch(address):
        return ""
    return "for Feishu empty, `all`, or open ids (ou_…) with commas between them"


def _wecom_app(address: str) -> str:
    return "" if _MEMBERS.fullmatch(address) else "a WeCom member's id (账号), several with | between them"


def _bark(address: str) -> str:
    if not address:
        return "no device key in the site file"
    return "" if _DEVICE_KEY.fullmatch(address) else "a Bark device key has 8 to 64 letters and digits"


def _mail(address: str) -> str:
    if not address:
        return "no mail address in the site file"
    return "" if len(address) <= _MAIL_MAX and _MAIL.fullmatch(address) else "a mail address is name@host.example"


def _mobile(address: str) -> str:
    return "" if plain_mobile(address) else "a mainland mobile number, as 13800000001 or +8613800000001"


def _number(address: str) -> str:
    if plain_mobile(address) or plain_landline(address):
        return ""
    return "a mainland number, as 13800000001 or 0731-88888888"


_FAULTS: Final[Mapping[str, Callable[[str], str]]] = {
    "webhook": _printable,
    "apprise": _printable,
    "ntfy": _ntfy,
    "dingtalk": _robot,
    "wecom-robot": _robot,
    "feishu": _feishu,
    "wecom-app": _wecom_app,
    "bark": _bark,
    "mail": _mail,
    "aliyun-sms": _mobile,
    "tencent-sms": _mobile,
    "aliyun-voice": _number,
    "tencent-voice": _number,
}


def address_fault(kind: str, address: str) -> str:
    """Why nobody can be reached under this address over a kind of channel, or "" (also where nothing is known)."""
    return _FAULTS.get(kind, _printable)(address)
