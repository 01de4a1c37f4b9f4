"""The channels to people that the settings name, each with its secrets read from files."""

from __future__ import annotations

from pathlib import Path

from gateway.clock import Clock
from gateway.deliver.chat import DingTalkRobot
from gateway.deliver.push import MessageChannel, Ntfy, Webhook, Words
from gateway.deliver.quota import Quota
from gateway.http import HttpClient
from gateway.settings import PhoneChannel


class ChannelUnusable(Exception):
    """A channel cannot work as it is set up; the text names the channel, the setting and the remedy."""


def open_channel(setting: PhoneChannel, http: HttpClient, words: Words, clock: Clock) -> MessageChannel:
    """The channel that a setting describes; ChannelUnusable if a secret is missing or cannot be read."""
    token = _secret(setting, "token_file", setting.token_file)
    secret = _secret(setting, "secret_file", setting.secret_file)
    quota = Quota(setting.per_minute, setting.reserved_for_danger, clock)
    name, url, timeout_s = setting.name, setting.url, setting.timeout_s
    if setting.kind == "webhook":
        return Webhook(
            name, url, http, words, clock, quota, timeout_s=timeout_s, secret=secret.encode(), token=token
        )
    if setting.kind == "ntfy":
        return Ntfy(name, url, http, words, clock, quota, timeout_s=timeout_s, token=token)
    if "access_token" in url:
        raise ChannelUnusable(f"channel {name}: take access_token out of `url` and put it into token_file")
    if not token:
        raise ChannelUnusable(f"channel {name}: a DingTalk robot needs its access_token in token_file")
    return DingTalkRobot(name, url, http, words, clock, quota, timeout_s=timeout_s, token=token, secret=secret)


def _secret(setting: PhoneChannel, field: str, path: Path | None) -> str:
    if path is None:
        return ""
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ChannelUnusable(f"channel {setting.name}: {field} {path} cannot be read: {error}") from error
    if not text or not text.isprintable():
        raise ChannelUnusable(f"channel {setting.name}: {field} {path} must hold one line with the secret")
    return text
