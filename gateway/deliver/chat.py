"""Chat robots of a group: DingTalk, WeCom and Feishu say in the body of an HTTP 200 whether they took a message."""

from __future__ import annotations

import base64
import hashlib
import hmac
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from gateway.channel_addresses import address_fault
from gateway.clock import Clock
from gateway.deliver.destination import SendResult
from gateway.deliver.message_channel import HttpChannel, Words, encode, refused, retry
from gateway.deliver.quota import Quota
from gateway.deliver.wording import Notice
from gateway.http import HttpClient
from rules.effects import Notify
from rules.inputs import Outcome

_LIMITED_S = 60.0
_HARMLESS = str.maketrans("[]*`<>_", "［］＊｀＜＞＿")


def button(notice: Notice) -> str:
    """The words on what opens the page of a message."""
    return "View and acknowledge" if notice.language == "en" else "查看并确认"


def plain(line: str) -> str:
    """A line without Markdown's links and emphasis: a device's words must not make a link of their own."""
    return line.translate(_HARMLESS)


def cut(text: str, most: int) -> str:
    """Text of at most so many bytes of UTF-8."""
    return text.encode()[:most].decode("utf-8", "ignore")


class ChatRobot(HttpChannel):
    """What robots share: a code in the body, a limit after which they are deaf for a while, one group that sees all.

    An address is empty (the group sees it), `all` (everybody is called), or whom to call by name. `token` is the secret
    part of the webhook, `secret` that of the signature.
    """

    code_field = "errcode"
    text_field = "errmsg"
    busy: tuple[int, ...] = ()
    limited: tuple[int, ...] = ()
    limited_s = _LIMITED_S
    mended_by: Mapping[int, str] = {}

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

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:  # noqa: ARG002  robots take no id
        said = await self.converse(self.document(notify, notice))
        if isinstance(said, SendResult):
            return said
        code = said.get(self.code_field)
        return self.judge(code, str(said.get(self.text_field) or "")) if isinstance(code, int) else self.stranger()

    @abstractmethod
    async def converse(self, document: dict[str, Any]) -> dict[str, Any] | SendResult:
        """Hand the document over in this robot's way."""

    @abstractmethod
    def document(self, notify: Notify, notice: Notice) -> dict[str, Any]:
        """The message in this robot's form."""

    def mend(self, code: int, message: str) -> str:  # noqa: ARG002  some robots say in the words what the code does not
        """What a person has to do about a refusal, or ""."""
        return self.mended_by.get(code, "")

    def judge(self, code: int, message: str) -> SendResult:
        """What a code means."""
        words = f"{self.code_field} {code} {message}".strip()[:200]
        if code == 0:
            return SendResult(Outcome.ACCEPTED)
        if code in self.busy:
            return retry(words)
        if code in self.limited:
            self._quota.close_for(self.limited_s)
            return retry(f"{words}: over the robot's limit", self.limited_s)
        mended_by = self.mend(code, message)
        return refused(f"{words}: {mended_by}" if mended_by else words)

    def signed(self, key: bytes, message: bytes) -> str:
        """HMAC-SHA256 in base64, as the robots want it."""
        return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


class DingTalkRobot(ChatRobot):
    """A DingTalk group robot: 20 messages a minute, then shut out for a while. `secret` is SEC… of its signature.

    An address: empty (a card with a button), `all`, or mobile numbers to call by name.
    """

    server = "a DingTalk robot"
    busy = (-1,)
    limited = (130101, 410100)
    mended_by = {  # noqa: RUF012  a table that nobody changes
        300001: "the robot's token is unknown: put the access_token of its webhook into token_file",
        400101: "the robot's token is unknown: put the access_token of its webhook into token_file",
        400102: "the robot is switched off: switch it on in the group's settings",
        400013: "the group was dissolved: make a robot in another group and set its token",
        400106: "the robot was removed: make a new one and put its access_token into token_file",
    }
    security = 310000
    text_max = 5000

    def address_fault(self, address: str) -> str:
        return address_fault("dingtalk", address)

    async def converse(self, document: dict[str, Any]) -> dict[str, Any] | SendResult:
        """The token, and with a secret the millisecond of signing and the signature over both (valid for an hour)."""
        query = {"access_token": self._token}
        if self._secret:
            query["timestamp"] = str(int(self._clock.wall().timestamp() * 1000))
            query["sign"] = self.signed(self._secret.encode(), f"{query['timestamp']}\n{self._secret}".encode())
        return await self.ask(encode(document), query=query)

    def mend(self, code: int, message: str) -> str:
        return _mend_security(message) if code == self.security else super().mend(code, message)

    def document(self, notify: Notify, notice: Notice) -> dict[str, Any]:
        lines = [f"### {plain(notice.lines[0])}", *(f"- {plain(line)}" for line in notice.lines[1:])]
        text = "\n".join(lines)[: self.text_max]
        if not notify.address and notice.url:
            card = {"title": notice.title, "text": text, "singleTitle": button(notice), "singleURL": notice.url}
            return {"msgtype": "actionCard", "actionCard": card}
        if notice.url:
            text = f"{text}\n\n[{button(notice)}]({notice.url})"
        mobiles = [] if notify.address in ("", "all") else notify.address.split(",")
        if mobiles:
            # A mobile is only called by name when it stands in the text as well.
            text = f"{text}\n\n{' '.join(f'@{mobile}' for mobile in mobiles)}"
        return {
            "msgtype": "markdown",
            "markdown": {"title": notice.title, "text": text},
            "at": {"atMobiles": mobiles, "isAtAll": notify.address == "all"},
        }


def _mend_security(message: str) -> str:
    lowered = message.lower()
    if "keyword" in lowered:
        return "the robot wants a keyword: add 火警 and 报警, or set it to signature (加签) instead"
    if "ip" in lowered.split() or "whitelist" in lowered:
        return "the robot takes messages of other IP addresses only: add this one, or set it to signature (加签)"
    if "timestamp" in lowered:
        return "the gateway's clock is more than an hour off"
    return "the secret does not fit: put the robot's SEC… text into secret_file (and check the clock)"


class WeComRobot(ChatRobot):
    """A WeCom (企业微信) group robot: 20 messages a minute. `token` is the key of its webhook; it has no signature.

    An address: empty (Markdown), `all`, or mobile numbers to call by name (plain text: Markdown calls nobody).
    """

    server = "a WeCom robot"
    busy = (-1,)
    limited = (45009, 45033)
    mended_by = {  # noqa: RUF012  a table that nobody changes
        93000: "the robot's key is unknown, or it was removed: put the key of its webhook into token_file",
        93004: "the robot is switched off: switch it on in the group's settings",
        93008: "the robot is not in the group: add it again and put its key into token_file",
        45002: "the message is too long for this robot",
    }
    markdown_max = 4096
    text_max = 2048

    def address_fault(self, address: str) -> str:
        return address_fault("wecom-robot", address)

    async def converse(self, document: dict[str, Any]) -> dict[str, Any] | SendResult:
        """The key in the query is all that this robot asks for."""
        return await self.ask(encode(document), query={"key": self._token})

    def document(self, notify: Notify, notice: Notice) -> dict[str, Any]:
        if notify.address:
            link = f"\n{notice.url}" if notice.url else ""
            text = cut(notice.text, self.text_max - len(link.encode())) + link
            mobiles = ["@all"] if notify.address == "all" else notify.address.split(",")
            return {"msgtype": "text", "text": {"content": text, "mentioned_mobile_list": mobiles}}
        link = f"\n[{button(notice)}]({notice.url})" if notice.url else ""
        lines = [f"### {plain(notice.lines[0])}", *(f"> {plain(line)}" for line in notice.lines[1:])]
        text = cut("\n".join(lines), self.markdown_max - len(link.encode())) + link
        return {"msgtype": "markdown", "markdown": {"content": text}}


class FeishuRobot(ChatRobot):
    """A Feishu (飞书) custom bot: 100 messages a minute and 5 a second. `token` is the last part of its webhook.

    An address: empty, `all`, or open ids (`ou_…`) to call by name. Timestamp and signature stand in the body.
    """

    server = "a Feishu bot"
    code_field = "code"
    text_field = "msg"
    limited = (11232,)
    limited_s = 1.0
    mended_by = {  # noqa: RUF012  a table that nobody changes
        9499: "the bot could not read the request: is `url` the bot's webhook?",
        19001: "the bot's token is unknown: put the last part of its webhook into token_file",
        19021: "the secret does not fit, or the gateway's clock is more than an hour off (secret_file)",
        19022: "the bot takes messages of other IP addresses only: add this one, or set it to signature (签名校验)",
        19024: "the bot wants a keyword: add 火警 and 报警, or set it to signature (签名校验) instead",
        19036: "the message is too long for this bot",
    }
    text_max = 16_000
    """Of the 20 KB that a request may have."""

    def address_fault(self, address: str) -> str:
        return address_fault("feishu", address)

    async def converse(self, document: dict[str, Any]) -> dict[str, Any] | SendResult:
        """Feishu's signature has the secret in the key and signs nothing: not the way that DingTalk does it."""
        if self._secret:
            stamp = str(int(self._clock.wall().timestamp()))
            sign = self.signed(f"{stamp}\n{self._secret}".encode(), b"")
            document = {"timestamp": stamp, "sign": sign, **document}
        return await self.ask(encode(document), path=f"/{self._token}")

    def document(self, notify: Notify, notice: Notice) -> dict[str, Any]:
        lines = cut("\n".join(notice.lines[1:]), self.text_max).split("\n")
        content: list[list[dict[str, str]]] = [[{"tag": "text", "text": line}] for line in lines]
        if notice.url:
            content.append([{"tag": "a", "text": button(notice), "href": notice.url}])
        if notify.address:
            content.append([{"tag": "at", "user_id": one} for one in notify.address.split(",")])
        language = "en_us" if notice.language == "en" else "zh_cn"
        return {"msg_type": "post", "content": {"post": {language: {"title": notice.title, "content": content}}}}
