"""The channels to people that the settings name, each with its secrets."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

import msgspec

from gateway.channel_settings import (
    AliyunSmsChannel,
    AliyunVoiceChannel,
    AppriseChannel,
    BarkChannel,
    DingTalkChannel,
    FeishuChannel,
    LiveLineChannel,
    MailChannel,
    NtfyChannel,
    PhoneChannel,
    SmsModemChannel,
    TencentSmsChannel,
    TencentVoiceChannel,
    VoiceLineChannel,
    WebhookChannel,
    WebPushChannel,
    WeComAppChannel,
    WeComRobotChannel,
)
from gateway.clock import Clock
from gateway.deliver.aliyun import AliyunSms, AliyunVoice
from gateway.deliver.baresip import Line
from gateway.deliver.bark import Bark
from gateway.deliver.chat import ChatRobot, DingTalkRobot, FeishuRobot, WeComRobot
from gateway.deliver.live import LiveChannel
from gateway.deliver.mail import Mail
from gateway.deliver.message_channel import MessageChannel, Words
from gateway.deliver.phone_reach import PhoneReach
from gateway.deliver.provider import ProviderChannel
from gateway.deliver.push import Ntfy, Webhook
from gateway.deliver.quota import Quota
from gateway.deliver.sms import SmsModem, Standing
from gateway.deliver.sms_modem import ModemProbe
from gateway.deliver.sms_spool import Spool
from gateway.deliver.tencent import TencentSms, TencentVoice
from gateway.deliver.voice import VoiceLine
from gateway.deliver.wecom_app import WeComApp
from gateway.http import HttpClient
from gateway.metrics import Metrics


class ChannelUnusable(Exception):
    """A channel cannot work as it is set up; the text names the channel, the setting and the remedy."""


def _tells_nobody(_link: str, _up: bool, _words: str) -> None:
    """Whoever opens a channel beside the gateway (the auditor) has no trouble list."""


def _knows_none(_home: str, _incident: str) -> None:
    """… and no incidents."""


class Hardware(msgspec.Struct, frozen=True):
    """What a channel over hardware of our own needs beside: who is told of its troubles, and how an incident stands."""

    tell: Callable[[str, bool, str], None] = _tells_nobody
    standing: Standing = _knows_none
    metrics: Metrics = msgspec.field(default_factory=Metrics)


class Surroundings(msgspec.Struct, frozen=True):
    """What every channel stands on. `secret` finds a secret of a channel by its kind: `token`, `secret`, `password`.

    `reach` is what reaches enrolled phones; `hardware` is what channels over a modem or a telephone line of our own
    tell of it.
    """

    http: HttpClient
    words: Words
    clock: Clock
    secret: Callable[[str], str | None]
    reach: PhoneReach | None = None
    hardware: Hardware = msgspec.field(default_factory=Hardware)

    def own(self, setting: PhoneChannel) -> dict[str, Any]:
        """The arguments that all channels take."""
        quota = Quota(
            setting.per_minute, setting.reserved_for_danger, self.clock, for_fire=setting.reserved_for_fire
        )
        return {
            "name": setting.name,
            "words": self.words,
            "clock": self.clock,
            "quota": quota,
            "timeout_s": setting.timeout_s,
        }

    def over_http(self, setting: PhoneChannel) -> dict[str, Any]:
        """The arguments that all channels over HTTP take."""
        return {**self.own(setting), "http": self.http, "url": setting.url}  # type: ignore[attr-defined]


def open_channel(setting: PhoneChannel, around: Surroundings) -> MessageChannel:
    """The channel that a setting describes; ChannelUnusable if it cannot work."""
    for what in setting.needs:
        if not around.secret(what):
            raise ChannelUnusable(f"channel {setting.name}: {what}_file is missing, or empty")
    return _OPENERS[type(setting)](setting, around)


def _webhook(setting: WebhookChannel, around: Surroundings) -> MessageChannel:
    secret = around.secret("secret") or ""
    return Webhook(**around.over_http(setting), secret=secret.encode(), token=around.secret("token") or "")


def _ntfy(setting: NtfyChannel, around: Surroundings) -> MessageChannel:
    return Ntfy(**around.over_http(setting), token=around.secret("token") or "")


def _robot(robot: type[ChatRobot], setting: PhoneChannel, around: Surroundings) -> MessageChannel:
    token, secret = around.secret("token") or "", around.secret("secret") or ""
    return robot(**around.over_http(setting), token=token, secret=secret)


def _wecom_app(setting: WeComAppChannel, around: Surroundings) -> MessageChannel:
    secret = around.secret("secret") or ""
    own = around.over_http(setting)
    return WeComApp(**own, corp_id=setting.corp_id, agent_id=setting.agent_id, secret=secret)


def _bark(setting: BarkChannel, around: Surroundings) -> MessageChannel:
    authorization = ""
    if setting.username:
        word = f"{setting.username}:{around.secret('password') or ''}"
        authorization = f"Basic {base64.b64encode(word.encode()).decode()}"
    return Bark(**around.over_http(setting), authorization=authorization, volume=setting.volume)


def _mail(setting: MailChannel, around: Surroundings) -> MessageChannel:
    try:
        tls = ssl.create_default_context(cafile=setting.ca)
    except (OSError, ssl.SSLError) as error:
        raise ChannelUnusable(f"channel {setting.name}: ca {setting.ca} cannot be read: {error}") from error
    return Mail(
        **around.own(setting),
        host=setting.host,
        port=setting.port,
        security=setting.security,
        sender=setting.sender,
        tls=tls,
        username=setting.username,
        password=around.secret("password") or "",
    )


def _apprise(setting: AppriseChannel, around: Surroundings) -> MessageChannel:
    # Its hundred plugins take a third of a second and 20 MiB: only where somebody uses it.
    from gateway.deliver.apprise_channel import PLACE, Apprise, open_service

    service = around.secret("token") or ""
    if open_service(service.replace(PLACE, "12345678")) is None:
        raise ChannelUnusable(f"channel {setting.name}: Apprise does not know the URL in token_file")
    return Apprise(**around.own(setting), service=service)


def _live(setting: LiveLineChannel, around: Surroundings) -> MessageChannel:
    if around.reach is None:
        raise ChannelUnusable(f"channel {setting.name}: there are no live lines without the console")
    own = around.own(setting)
    channel = LiveChannel(own["name"], around.reach.lines, own["words"], own["clock"], own["quota"])
    around.reach.receipts.append(channel.receipts)
    return channel


def _web_push(setting: WebPushChannel, around: Surroundings) -> MessageChannel:
    # Half a second to import, and cryptography with it: only where somebody uses it.
    from gateway.deliver.web_push import SERVICES, KeyUnusable, VapidKey, WebPush

    if around.reach is None:
        raise ChannelUnusable(f"channel {setting.name}: there are no phones without the console")
    try:
        key = VapidKey(around.secret("secret") or "")
    except KeyUnusable as error:
        raise ChannelUnusable(f"channel {setting.name}: secret_file: {error}") from error
    channel = WebPush(
        **around.own(setting),
        phones=around.reach.phones,
        key=key,
        contact=setting.contact,
        http=around.http,
        ttl=timedelta(seconds=setting.ttl_s),
        services=setting.services or SERVICES,
    )
    around.reach.receipts.append(channel.receipts)
    around.reach.push_key = around.reach.push_key or key.public
    return channel


def _voice_line(setting: VoiceLineChannel, around: Surroundings) -> MessageChannel:
    password = around.secret("password") or ""
    if '"' in password or not password.isprintable():
        raise ChannelUnusable(f"channel {setting.name}: a SIP password has no quotation marks and no line breaks")
    line = Line(
        setting.server,
        setting.user,
        password,
        register=setting.registers,
        listen=setting.listen,
        program=setting.program,
        modules=setting.modules,
    )
    return VoiceLine(
        **around.own(setting),
        line=line,
        speakers={"zh": setting.speak_zh, "en": setting.speak_en},
        tell=around.hardware.tell,
        metrics=around.hardware.metrics,
        ring_s=setting.ring_s,
        talk_s=setting.talk_s,
    )


def _sms_modem(setting: SmsModemChannel, around: Surroundings) -> MessageChannel:
    probe = None
    if setting.smsdrc is not None:
        probe = ModemProbe(setting.smsdrc, setting.pid_file, setting.signal_min)
    return SmsModem(
        **around.own(setting),
        spool=Spool(setting.spool),
        standing=around.hardware.standing,
        tell=around.hardware.tell,
        metrics=around.hardware.metrics,
        probe=probe,
        carriers=setting.carriers,
        send_within_s=setting.send_within_s,
        queue_max=setting.queue_max,
    )


def _provider(
    provider: type[ProviderChannel], *fields: str
) -> Callable[[Any, Surroundings], MessageChannel]:
    """An opener of a cloud's channel: beside what all of them take, these fields of its setting."""

    def opener(setting: Any, around: Surroundings) -> MessageChannel:
        return provider(
            **around.over_http(setting),
            key=(setting.access_key, around.secret("secret") or ""),
            template=setting.template,
            report_every_s=setting.report_every_s,
            **{field: getattr(setting, field) for field in ("parameters", *fields)},
        )

    return opener


_OPENERS: Final[Mapping[type[PhoneChannel], Callable[[Any, Surroundings], MessageChannel]]] = {
    WebhookChannel: _webhook,
    NtfyChannel: _ntfy,
    DingTalkChannel: partial(_robot, DingTalkRobot),
    WeComRobotChannel: partial(_robot, WeComRobot),
    FeishuChannel: partial(_robot, FeishuRobot),
    WeComAppChannel: _wecom_app,
    BarkChannel: _bark,
    MailChannel: _mail,
    AppriseChannel: _apprise,
    AliyunSmsChannel: _provider(AliyunSms, "sign_name"),
    AliyunVoiceChannel: _provider(AliyunVoice, "show_number", "play_times"),
    TencentSmsChannel: _provider(TencentSms, "region", "app", "sign_name"),
    TencentVoiceChannel: _provider(TencentVoice, "region", "app", "play_times"),
    SmsModemChannel: _sms_modem,
    VoiceLineChannel: _voice_line,
    LiveLineChannel: _live,
    WebPushChannel: _web_push,
}
