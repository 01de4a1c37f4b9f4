"""Chat robots: DingTalk, which says in the body of an HTTP 200 whether it took the message."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Any

import msgspec

from gateway.clock import Clock
from gateway.deliver.destination import SendResult
from gateway.deliver.push import MessageChannel, Words, judge_status, parse_object, refused, retry
from gateway.deliver.quota import Quota
from gateway.deliver.wording import Notice
from gateway.http import HttpClient
from rules.effects import Notify
from rules.inputs import Outcome

_encode = msgspec.json.Encoder().encode

_MOBILES = re.compile(r"\+?[0-9-]{5,20}(,\+?[0-9-]{5,20}){0,49}")
_TEXT_MAX = 5000
_LIMITED_S = 60.0

_HARMLESS = str.maketrans("[]*`<>_", "［］＊｀＜＞＿")

_BUSY = -1
_LIMITED = (130101, 410100)
_SECURITY = 310000
_MENDED_BY = {
    300001: "the robot's token is unknown: put the access_token of its webhook into token_file",
    400101: "the robot's token is unknown: put the access_token of its webhook into token_file",
    400102: "the robot is switched off: switch it on in the group's settings",
    400013: "the group was dissolved: make a robot in another group and set its token",
    400106: "the robot was removed: make a new one and put its access_token into token_file",
}


class DingTalkRobot(MessageChannel):
    """A DingTalk group robot. `url` is its webhook without the token; `secret` is the one of its signature setting.

    An address is empty (the group sees it, with a button), `all`, or mobile numbers to call by name. The robot takes
    20 messages a minute and is then shut out for a while, so the quota is kept here too.
    """

    def __init__(
        self,
        name: str,
        url: str,
        http: HttpClient,
        words: Words,
        clock: Clock,
        quota: Quota,
        *,
        timeout_s: float = 5.0,
        token: str,
        secret: str = "",
    ) -> None:
        super().__init__(name, url, http, words, clock, quota, timeout_s=timeout_s)
        self._token = token
        self._secret = secret

    def address_fault(self, address: str) -> str:
        if address in ("", "all") or _MOBILES.fullmatch(address):
            return ""
        return "for DingTalk empty, `all`, or mobile numbers with commas between them"

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:  # noqa: ARG002  robots take no id
        answer = await self.post(_encode(_document(notify, notice)), query=self._query())
        verdict = judge_status(answer)
        if verdict is not None:
            return verdict
        said = parse_object(answer.body)
        code = said.get("errcode") if said is not None else None
        if said is None or not isinstance(code, int):
            return retry("HTTP 200, but not the answer of a DingTalk robot: is `url` right, is a portal in between?")
        return self._judge(code, str(said.get("errmsg") or ""))

    def _judge(self, code: int, message: str) -> SendResult:
        words = f"errcode {code} {message}".strip()[:200]
        if code == 0:
            return SendResult(Outcome.ACCEPTED)
        if code == _BUSY:
            return retry(words)
        if code in _LIMITED:
            self._quota.close_for(_LIMITED_S)
            return retry(f"{words}: over the robot's limit", _LIMITED_S)
        if code == _SECURITY:
            return refused(f"{words}: {_mend_security(message)}")
        mended_by = _MENDED_BY.get(code)
        return refused(f"{words}: {mended_by}" if mended_by else words)

    def _query(self) -> dict[str, str]:
        """The token, and with a secret the millisecond of signing and the signature over both (valid for an hour)."""
        query = {"access_token": self._token}
        if self._secret:
            stamp = str(int(self._clock.wall().timestamp() * 1000))
            digest = hmac.new(self._secret.encode(), f"{stamp}\n{self._secret}".encode(), hashlib.sha256).digest()
            query["timestamp"] = stamp
            query["sign"] = base64.b64encode(digest).decode()
        return query


def _mend_security(message: str) -> str:
    lowered = message.lower()
    if "keyword" in lowered:
        return "the robot wants a keyword: add 火警 and 报警, or set it to signature (加签) instead"
    if "ip" in lowered.split() or "whitelist" in lowered:
        return "the robot takes messages of other IP addresses only: add this one, or set it to signature (加签)"
    if "timestamp" in lowered:
        return "the gateway's clock is more than an hour off"
    return "the secret does not fit: put the robot's SEC… text into secret_file (and check the clock)"


def _document(notify: Notify, notice: Notice) -> dict[str, Any]:
    english = notice.language == "en"
    button = "View and acknowledge" if english else "查看并确认"
    lines = [f"### {_plain(notice.lines[0])}", *(f"- {_plain(line)}" for line in notice.lines[1:])]
    text = "\n".join(lines)[:_TEXT_MAX]
    if not notify.address and notice.url:
        card = {"title": notice.title, "text": text, "singleTitle": button, "singleURL": notice.url}
        return {"msgtype": "actionCard", "actionCard": card}
    if notice.url:
        text = f"{text}\n\n[{button}]({notice.url})"
    mobiles = [] if notify.address in ("", "all") else notify.address.split(",")
    if mobiles:
        # A mobile is only called by name when it stands in the text as well.
        text = f"{text}\n\n{' '.join(f'@{mobile}' for mobile in mobiles)}"
    return {
        "msgtype": "markdown",
        "markdown": {"title": notice.title, "text": text},
        "at": {"atMobiles": mobiles, "isAtAll": notify.address == "all"},
    }


def _plain(line: str) -> str:
    """A line without Markdown's links and emphasis: a device's words must not make a link of their own."""
    return line.translate(_HARMLESS)
