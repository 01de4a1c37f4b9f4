"""The settings of ways to people: one section for each kind, with its own fields only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, get_args

from pydantic import Field

from gateway.section import Name, Port, Section


class PhoneChannel(Section):
    """What all ways to people share: the limits of one try and of all, and the quota with its two shares.

    Of `per_minute` messages, `reserved_for_danger` are kept for fire, gas and persons, and of these
    `reserved_for_fire` (half, where it is not said) for fire alone. `needs` are the secrets it cannot work without.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    name: Name
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    give_up_s: Annotated[float, Field(gt=0, le=600)] = 20.0
    per_minute: Annotated[int, Field(ge=1, le=6000)] = 20
    reserved_for_danger: Annotated[int, Field(ge=0, le=6000)] = 10
    reserved_for_fire: Annotated[int, Field(ge=0, le=6000)] | None = None


class WebhookChannel(PhoneChannel):
    """A JSON POST of every field to a program of yours; `secret_file` signs it, `token_file` is its bearer token."""

    kind: Literal["webhook"]
    url: str
    token_file: Path | None = None
    secret_file: Path | None = None


class NtfyChannel(PhoneChannel):
    """An ntfy server; a person's address is a topic of it."""

    kind: Literal["ntfy"]
    url: str
    token_file: Path | None = None


class DingTalkChannel(PhoneChannel):
    """A DingTalk group robot: `token_file` has the access_token of its webhook, `secret_file` its signature (SEC…)."""

    needs: ClassVar[tuple[str, ...]] = ("token",)

    kind: Literal["dingtalk"]
    url: str = "https://oapi.dingtalk.com/robot/send"
    token_file: Path | None = None
    secret_file: Path | None = None


class WeComRobotChannel(PhoneChannel):
    """A WeCom (企业微信) group robot: `token_file` holds the key of its webhook."""

    needs: ClassVar[tuple[str, ...]] = ("token",)

    kind: Literal["wecom-robot"]
    url: str = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
    token_file: Path | None = None


class WeComAppChannel(PhoneChannel):
    """An application of a WeCom company: a person's address is the member's id. `secret_file` is the application's."""

    needs: ClassVar[tuple[str, ...]] = ("secret",)

    kind: Literal["wecom-app"]
    url: str = "https://qyapi.weixin.qq.com"
    corp_id: Annotated[str, Field(min_length=1, max_length=64)]
    agent_id: Annotated[int, Field(ge=1)]
    secret_file: Path | None = None


class FeishuChannel(PhoneChannel):
    """A Feishu (飞书) custom bot: `token_file` holds the last part of its webhook, `secret_file` its signature."""

    needs: ClassVar[tuple[str, ...]] = ("token",)

    kind: Literal["feishu"]
    url: str = "https://open.feishu.cn/open-apis/bot/v2/hook"
    token_file: Path | None = None
    secret_file: Path | None = None


class BarkChannel(PhoneChannel):
    """A Bark server: a person's address is the device key. `volume` (0 to 10) is that of a danger to people."""

    kind: Literal["bark"]
    url: str = "https://api.day.app"
    username: str = ""
    password_file: Path | None = None
    volume: Annotated[int, Field(ge=0, le=10)] = 10


class MailChannel(PhoneChannel):
    """A mail server that takes mail for us: a person's address is a mail address.

    `security`: `starttls` (as a rule port 587), `tls` (465), or `none`, which sends everything in the clear.
    """

    kind: Literal["mail"]
    host: Annotated[str, Field(min_length=1)]
    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca: Path | None = None
    username: str = ""
    password_file: Path | None = None
    sender: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")]


class AppriseChannel(PhoneChannel):
    """Any service that Apprise knows: `token_file` holds its URL, `{address}` in it stands for the person's address."""

    needs: ClassVar[tuple[str, ...]] = ("token",)

    kind: Literal["apprise"]
    token_file: Path | None = None


SPOOL_FOLDERS: Final = ("inbox", "outbox", "sent", "error", "kept")
"""What has to lie in a modem's spool: the daemon's folders, and the one in which we keep what was sent."""


class SmsModemChannel(PhoneChannel):
    """Short messages over a modem here, by gammu-smsd: a person's address is a number. `spool` holds its folders.

    `smsdrc` is the daemon's settings file and `pid_file` its process, for the state of the modem (`signal_min`, in
    percent). `carriers` are the operator's numbers, whose words about the card's credit become a trouble.
    """

    kind: Literal["sms-modem"]
    spool: Path
    smsdrc: Path | None = None
    pid_file: Path | None = None
    signal_min: Annotated[int, Field(ge=0, le=100)] = 10
    carriers: tuple[Annotated[str, Field(pattern=r"^[0-9]{3,15}$")], ...] = ("10086", "10010", "10000", "10099")
    send_within_s: Annotated[float, Field(ge=20, le=600)] = 90.0
    queue_max: Annotated[int, Field(ge=1, le=500)] = 20


Program = Annotated[tuple[str, ...], Field(min_length=1)]
"""A program with its arguments."""


class VoiceLineChannel(PhoneChannel):
    """Voice calls over SIP, by baresip: a person's address is a number. Key 1 takes the incident on.

    `server` is the trunk or the GSM gateway, `user` our account there (`password_file`; `registers`: whether it wants
    a registration). `speak_zh` and `speak_en` read a text and write a WAV. `modules` is where baresip has its modules.
    """

    kind: Literal["voice-line"]
    server: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$")]
    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]{1,64}$")]
    password_file: Path | None = None
    registers: bool = True
    listen: Annotated[str, Field(pattern=r"^([0-9.]{7,15}:[0-9]{1,5})?$")] = ""
    ring_s: Annotated[float, Field(ge=1, le=90)] = 35.0
    talk_s: Annotated[float, Field(ge=1, le=120)] = 45.0
    speak_zh: Program = ("espeak-ng", "-v", "cmn", "-s", "150", "--stdin", "--stdout")
    speak_en: Program = ("espeak-ng", "-v", "en", "-s", "150", "--stdin", "--stdout")
    program: str = "baresip"
    modules: Path = Path("/usr/lib/baresip/modules")
    give_up_s: Annotated[float, Field(gt=0, le=3600)] = 300.0
    per_minute: Annotated[int, Field(ge=1, le=6000)] = 6
    reserved_for_danger: Annotated[int, Field(ge=0, le=6000)] = 4


class LiveLineChannel(PhoneChannel):
    """The live line of our own page on enrolled phones (/app). It needs nothing but the console's port in the LAN."""

    kind: Literal["live"]
    per_minute: Annotated[int, Field(ge=1, le=6000)] = 6000


class WebPushChannel(PhoneChannel):
    """Web push to enrolled phones (/app): `secret_file` is the key that `anlian webpush keys` makes.

    `contact` is where the push services reach us. To hosts other than `services` (none: those of Chrome, Firefox, Edge
    and Safari) nothing is sent. `ttl_s`: how long they keep a message for a phone that is away.
    """

    needs: ClassVar[tuple[str, ...]] = ("secret",)

    kind: Literal["web-push"]
    secret_file: Path | None = None
    contact: Annotated[str, Field(pattern=r"^(mailto:[^@\s]+@[^@\s]+\.[^@\s]+|https://[^/\s]+\.[^/\s]+.*)$")]
    ttl_s: Annotated[float, Field(ge=0, le=86_400)] = 900.0
    services: tuple[Annotated[str, Field(pattern=r"^(\*\.)?[a-z0-9.-]+(:[0-9]{1,5})?$")], ...] = ()
    per_minute: Annotated[int, Field(ge=1, le=6000)] = 600


class _ProviderChannel(PhoneChannel):
    """What the channels over a cloud's telephony share: its template, and what fills the template's places in order."""

    needs: ClassVar[tuple[str, ...]] = ("secret",)

    secret_file: Path | None = None
    access_key: Annotated[str, Field(min_length=1, max_length=128)]
    template: Annotated[str, Field(min_length=1, max_length=64)]
    report_every_s: Annotated[float, Field(ge=2, le=600)] = 10.0


Part = Literal["title", "home", "zone", "room", "place", "time", "category", "code"]
"""A piece of a message that fills a place of a provider's template."""


class AliyunSmsChannel(_ProviderChannel):
    """Alibaba Cloud SMS (阿里云短信): `access_key` is the AccessKey id, `secret_file` its secret.

    `parameters` fills the template's variables by name: `{place = "place"}`.
    """

    kind: Literal["aliyun-sms"]
    url: str = "https://dysmsapi.aliyuncs.com"
    sign_name: Annotated[str, Field(min_length=1, max_length=64)]
    parameters: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,32}$")], Part] = Field(default_factory=dict)


class AliyunVoiceChannel(_ProviderChannel):
    """Alibaba Cloud voice notification (阿里云语音通知): a call that speaks a template. `show_number` is who calls."""

    kind: Literal["aliyun-voice"]
    url: str = "https://dyvmsapi.aliyuncs.com"
    show_number: Annotated[str, Field(pattern=r"^[0-9]{0,20}$")] = ""
    parameters: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,32}$")], Part] = Field(default_factory=dict)
    play_times: Annotated[int, Field(ge=1, le=3)] = 3


class TencentSmsChannel(_ProviderChannel):
    """Tencent Cloud SMS (腾讯云短信): `access_key` is the SecretId, `secret_file` the SecretKey, `app` the SdkAppId."""

    kind: Literal["tencent-sms"]
    url: str = "https://sms.tencentcloudapi.com"
    region: str = "ap-guangzhou"
    app: Annotated[str, Field(min_length=1, max_length=32)]
    sign_name: Annotated[str, Field(min_length=1, max_length=64)]
    parameters: tuple[Part, ...] = ()


class TencentVoiceChannel(_ProviderChannel):
    """Tencent Cloud voice message (腾讯云语音通知): a call that speaks a template."""

    kind: Literal["tencent-voice"]
    url: str = "https://vms.tencentcloudapi.com"
    region: str = "ap-guangzhou"
    app: Annotated[str, Field(min_length=1, max_length=32)]
    parameters: tuple[Part, ...] = ()
    play_times: Annotated[int, Field(ge=1, le=3)] = 3


AnyChannel = Annotated[
    WebhookChannel
    | NtfyChannel
    | DingTalkChannel
    | WeComRobotChannel
    | WeComAppChannel
    | FeishuChannel
    | BarkChannel
    | MailChannel
    | AppriseChannel
    | AliyunSmsChannel
    | AliyunVoiceChannel
    | TencentSmsChannel
    | TencentVoiceChannel
    | SmsModemChannel
    | VoiceLineChannel
    | LiveLineChannel
    | WebPushChannel,
    Field(discriminator="kind"),
]
"""Every kind of way to people. A new kind adds its section here and its opener in gateway/deliver/channels.py."""

KINDS: Final[dict[str, type[PhoneChannel]]] = {
    get_args(section.model_fields["kind"].annotation)[0]: section for section in get_args(get_args(AnyChannel)[0])
}
"""The section of each kind by its name in the file."""
