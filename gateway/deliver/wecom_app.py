"""A WeCom (企业微信) application: a message to one member, with a token that is fetched, kept and renewed."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from gateway.channel_addresses import address_fault
from gateway.clock import Clock
from gateway.deliver.chat import button, cut
from gateway.deliver.destination import SendResult
from gateway.deliver.message_channel import HttpChannel, Words, encode, judge_status, parse_object, refused, retry
from gateway.deliver.quota import Quota
from gateway.deliver.wording import Notice
from gateway.http import HttpClient
from rules.effects import Notify
from rules.inputs import Outcome

_TITLE_MAX, _DESCRIPTION_MAX, _TEXT_MAX, _BUTTON_MAX = 128, 512, 2048, 4
_RENEW_EARLY_S = 300.0
_STALE_TOKEN: Final = (40014, 41001, 42001)
_BUSY: Final = (-1,)
_LIMITED: Final = (45009, 45033)
_LIMITED_S = 60.0
_MENDED_BY: Final = {
    40001: "the secret does not fit: put the application's Secret into secret_file",
    40013: "corp_id is unknown: it stands under 我的企业",
    40056: "agent_id is unknown: it stands on the application's page",
    60020: "this IP address is not trusted: add it to the application's 企业可信IP",
    60111: "no such member: write the member's id (账号) into the site file",
    81013: "no such member, or the application is not visible to him: mend the address, or the 可见范围",
    82001: "no such member, or the application is not visible to him: mend the address, or the 可见范围",
    301002: "this secret is not that of the application with this agent_id",
    48002: "the application may not send messages: give it the right",
    60011: "the application is not visible to this member: add him to its 可见范围",
}


class WeComApp(HttpChannel):
    """An application of a company: the person's address is a member's id, several with `|` between them.

    WeCom drops what goes beyond 30 messages a minute to one member without a word, so the quota is kept here.
    It says errcode 0 also where some of several members were not reached (`invaliduser`): the detail then names them.
    """

    server = "WeCom"

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
        corp_id: str,
        agent_id: int,
        secret: str,
    ) -> None:
        super().__init__(name, url, http, words, clock, quota, timeout_s=timeout_s)
        self._corp_id = corp_id
        self._agent_id = agent_id
        self._secret = secret
        self._token = ""
        self._renew_at = 0.0
        self._fetching = asyncio.Lock()

    def address_fault(self, address: str) -> str:
        return address_fault("wecom-app", address)

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:  # noqa: ARG002  it takes no id
        payload = encode(self._document(notify, notice))
        for attempt in (1, 2):
            token = await self._fresh_token()
            if isinstance(token, SendResult):
                return token
            said = await self.ask(payload, query={"access_token": token}, path="/cgi-bin/message/send")
            if isinstance(said, SendResult):
                return said
            code = said.get("errcode")
            if not isinstance(code, int):
                return self.stranger()
            if code not in _STALE_TOKEN or attempt == 2:
                return self._judge(code, said, notify.address)
            # Another program with the same secret, or WeCom itself, made this token worthless before its time.
            if self._token == token:
                self._token = ""
        return self.stranger()

    async def _fresh_token(self) -> str | SendResult:
        """The access token: fetched once for all that wait, renewed before it ends."""
        async with self._fetching:
            if self._token and self._clock.monotonic() < self._renew_at:
                return self._token
            answer = await self._http.request(
                "GET",
                f"{self._url.rstrip('/')}/cgi-bin/gettoken",
                query={"corpid": self._corp_id, "corpsecret": self._secret},
                timeout_s=self._timeout_s,
            )
            verdict = judge_status(answer)
            if verdict is not None:
                return verdict
            said = parse_object(answer.body) or {}
            code, token, seconds = said.get("errcode"), said.get("access_token"), said.get("expires_in")
            if not isinstance(code, int):
                return self.stranger()
            if code != 0 or not isinstance(token, str) or not token:
                return self._judge(code or -1, said)
            self._token = token
            lasts = float(seconds) if isinstance(seconds, int) else 7200.0
            self._renew_at = self._clock.monotonic() + max(lasts - _RENEW_EARLY_S, lasts / 2)
            return token

    def _judge(self, code: int, said: dict[str, Any], address: str = "") -> SendResult:
        words = f"errcode {code} {said.get('errmsg') or ''}".strip()[:200]
        if code == 0:
            unknown = f"{said.get('invaliduser') or ''}|{said.get('unlicenseduser') or ''}".strip("|")
            detail = f"did not reach {unknown[:100]}: {_MENDED_BY[81013]}" if unknown else ""
            if {one.lower() for one in unknown.split("|")} >= {one.lower() for one in address.split("|")}:
                return refused(detail)
            return SendResult(Outcome.ACCEPTED, reference=str(said.get("msgid") or "")[:200], detail=detail)
        if code in _BUSY or code in _STALE_TOKEN:
            return retry(words)
        if code in _LIMITED:
            self._quota.close_for(_LIMITED_S)
            return retry(f"{words}: over the company's limit", _LIMITED_S)
        mended_by = _MENDED_BY.get(code)
        return refused(f"{words}: {mended_by}" if mended_by else words)

    def _document(self, notify: Notify, notice: Notice) -> dict[str, Any]:
        document: dict[str, Any] = {"touser": notify.address, "agentid": self._agent_id, "safe": 0}
        if not notice.url:
            return {**document, "msgtype": "text", "text": {"content": cut(notice.text, _TEXT_MAX)}}
        english = notice.language == "en"
        card = {
            "title": notice.title[:_TITLE_MAX],
            "description": "\n".join(notice.lines[1:])[:_DESCRIPTION_MAX],
            "url": notice.url,
            "btntxt": "Open" if english else button(notice)[:_BUTTON_MAX],
        }
        return {**document, "msgtype": "textcard", "textcard": card}
