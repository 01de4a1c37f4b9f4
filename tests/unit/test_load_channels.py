"""Ways to people in the configuration: each kind takes its own fields only, and each fault says how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.channel_settings import KINDS
from gateway.load import examine, load
from tests.configuration_world import MAIN, SITE, changed, write

WEBHOOK = '\nname = "phone"\nkind = "webhook"\nurl = "https://hook.example.org/x"\n'
TOKEN = 'token_file = "link-key"\n'
SECRET = 'secret_file = "link-key"\n'
CLOUD = f'access_key = "AK"\ntemplate = "T"\n{SECRET}'


def main(kind: str, rest: str = "") -> str:
    return changed(MAIN, WEBHOOK, f'\nname = "phone"\nkind = "{kind}"\n{rest}')


ADDRESSES = {
    "ntfy": ("wang-topic", "a/b"),
    "dingtalk": ("", "wang"),
    "wecom-robot": ("all", "wang"),
    "wecom-app": ("wang|li", "wang|"),
    "feishu": ("ou_1", "13800000001"),
    "bark": ("device-key-1", "x"),
    "mail": ("wang@example.org", "wang"),
    "apprise": ("anything", "a\\tb"),
    "aliyun-sms": ("+8613800000001", "0731-88888888"),
    "aliyun-voice": ("0731-88888888", "88888888"),
    "tencent-sms": ("13800000001", "1380000000"),
    "tencent-voice": ("13800000001", "+1 202 555 0100"),
}
"""Of each kind an address that it takes, and one that it does not."""


def site(*addresses: str) -> str:
    text = SITE
    for number, address in enumerate(addresses, 1):
        text = changed(text, f'address = "{number}"', f'address = "{address}"')
    return text


def faults_of(folder: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    _, faults = examine(write(folder, text), environment or {})
    return [str(fault).removeprefix(f"{folder}/") for fault in faults]


WHOLE = [
    pytest.param("ntfy", 'url = "https://ntfy.example.org"\n', id="ntfy"),
    pytest.param("dingtalk", TOKEN + SECRET, id="dingtalk"),
    pytest.param("wecom-robot", TOKEN, id="wecom_robot"),
    pytest.param("wecom-app", 'corp_id = "ww1"\nagent_id = 7\n' + SECRET, id="wecom_app"),
    pytest.param("feishu", TOKEN + SECRET, id="feishu"),
    pytest.param("bark", "volume = 5\n", id="bark"),
    pytest.param("mail", 'host = "smtp.example.org"\nsender = "a@example.org"\n', id="mail"),
    pytest.param("apprise", TOKEN, id="apprise"),
    pytest.param("aliyun-sms", 'sign_name = "安联网"\nparameters = {a = "place"}\n' + CLOUD, id="aliyun_sms"),
    pytest.param("aliyun-voice", 'show_number = "0731"\n' + CLOUD, id="aliyun_voice"),
    pytest.param("tencent-sms", 'app = "14"\nsign_name = "安联网"\nparameters = ["place"]\n' + CLOUD, id="tencent_sms"),
    pytest.param("tencent-voice", 'app = "14"\n' + CLOUD, id="tencent_voice"),
]


@pytest.mark.parametrize(("kind", "rest"), WHOLE)
def test_each_kind_loads_with_what_it_needs(tmp_path: Path, kind: str, rest: str) -> None:
    good, _ = ADDRESSES[kind]
    configuration = load(write(tmp_path, main(kind, rest), site(good, good)), {})
    (channel,) = configuration.settings.channels
    assert type(channel) is KINDS[kind]
    assert configuration.warnings == ()


@pytest.mark.parametrize(("kind", "rest"), WHOLE)
def test_an_address_that_reaches_nobody_is_a_warning_with_its_place(tmp_path: Path, kind: str, rest: str) -> None:
    good, bad = ADDRESSES[kind]
    configuration = load(write(tmp_path, main(kind, rest), site(good, bad)), {})
    (warning,) = configuration.warnings
    assert (warning.file, warning.path) == ("home home-a", "person director-1: channels[1].address")
    assert f"phone ({kind}) reaches nobody" in warning.problem
    assert warning.mend


FAULTS = [
    pytest.param(
        "ding-talk", TOKEN, "channels[1].kind: unknown kind 'ding-talk'. Did you mean 'dingtalk'?", id="unknown_kind"
    ),
    pytest.param(
        "ntfy",
        'url = "https://n.example"\nsecret_file = "link-key"\n',
        "channels[1].secret_file: is not an option here. Known: give_up_s, kind, name",
        id="field_of_another_kind",
    ),
    pytest.param("wecom-app", SECRET, "channels[1].corp_id: is missing. Write corp_id = …", id="field_missing"),
    pytest.param(
        "dingtalk",
        "",
        'channels[1].token_file: is missing. Write token_file = "secrets/phone-token", or set '
        "ANLIAN_CHANNEL_PHONE_TOKEN",
        id="secret_missing",
    ),
    pytest.param(
        "dingtalk",
        TOKEN + 'url = "https://oapi.dingtalk.com/robot/send?access_token=1"\n',
        "channels[1].url: holds a secret (behind 'access_token'). Take it out of url",
        id="dingtalk_token_in_the_url",
    ),
    pytest.param(
        "feishu",
        TOKEN + 'url = "https://open.feishu.cn/open-apis/bot/v2/hook/abc-def"\n',
        "channels[1].url: holds a secret (behind 'hook')",
        id="feishu_token_in_the_url",
    ),
    pytest.param(
        "wecom-robot",
        TOKEN + 'url = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1"\n',
        "channels[1].url: holds a secret (behind 'key')",
        id="wecom_key_in_the_url",
    ),
    pytest.param("bark", 'url = "bark.example"\n', "channels[1].url: 'bark.example' is not a web address", id="no_url"),
    pytest.param("bark", "volume = 11\n", "channels[1].volume: input should be less than or equal to 10", id="loud"),
    pytest.param(
        "bark",
        "reserved_for_danger = 4\nreserved_for_fire = 5\n",
        "channels[1].reserved_for_fire: reserves 5 of the 4 messages that are kept for danger",
        id="fire_takes_more_than_danger",
    ),
    pytest.param(
        "mail",
        'host = "smtp.example.org"\nsender = "a@example.org"\npassword_file = "link-key"\n',
        "channels[1].username: there is a password, but nobody whose it is",
        id="password_of_nobody",
    ),
    pytest.param(
        "mail",
        'host = "smtp.example.org"\nsender = "a@example.org"\nca = "none.pem"\n',
        "channels[1].ca: none.pem cannot be read",
        id="no_authority",
    ),
    pytest.param(
        "mail", 'host = "smtp.example.org"\nsender = "a"\n', "channels[1].sender: string should match", id="sender"
    ),
    pytest.param(
        "tencent-sms",
        'app = "14"\nsign_name = "安联网"\nparameters = ["who"]\n' + CLOUD,
        "channels[1].parameters[1]: input should be 'title', 'home'",
        id="part_that_is_none",
    ),
]


@pytest.mark.parametrize(("kind", "rest", "words"), FAULTS)
def test_fault_of_a_channel_is_told_once_and_says_how_to_mend_it(
    tmp_path: Path, kind: str, rest: str, words: str
) -> None:
    found = [line for line in faults_of(tmp_path, main(kind, rest)) if "channels[1]" in line]
    about = [line for line in found if words in line.replace(f"{tmp_path}/", "")]
    assert len(about) == 1, found


def test_mail_in_the_clear_is_a_warning(tmp_path: Path) -> None:
    text = main("mail", 'host = "smtp.example.org"\nsender = "a@example.org"\nsecurity = "none"\n')
    (warning,) = load(write(tmp_path, text, site("a@example.org", "b@example.org")), {}).warnings
    assert "in the clear" in str(warning)


def test_secret_of_a_channel_may_come_from_the_environment_alone(tmp_path: Path) -> None:
    configuration = load(write(tmp_path, main("dingtalk")), {"ANLIAN_CHANNEL_PHONE_TOKEN": "tok-7"})
    assert configuration.secrets.find("channel", "phone", "token") == "tok-7"


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        pytest.param("ANLIAN_CHANNEL_PHONE_SECRET", "no setting uses it", id="not_of_this_kind"),
        pytest.param("ANLIAN_CHANNEL_PHONE_TOKEN", "must hold one line with the secret", id="two_lines"),
    ],
)
def test_secret_that_does_not_fit_is_told_and_not_shown(tmp_path: Path, variable: str, words: str) -> None:
    environment = {"ANLIAN_CHANNEL_PHONE_TOKEN": "good"} | {variable: "hid\nden"}
    found = faults_of(tmp_path, main("apprise"), environment)
    assert sum(words in line for line in found) == 1, found
    assert not any("hid" in line for line in found)


def test_key_that_no_kind_knows_does_not_hide_the_other_faults(tmp_path: Path) -> None:
    found = faults_of(tmp_path, main("dingtalk", 'tokenfile = "x"\n'))
    assert any("channels[1].tokenfile: is not an option here. Did you mean 'token_file'" in line for line in found)
    assert any("channels[1].token_file: is missing" in line for line in found)
