"""`anlian channels test`: one marked message over one channel, and each rung that it gets to.

It opens the channel by itself, beside a running gateway: the channel's quota is not the gateway's, and what a modem or
an enrolled phone answers is heard by the gateway alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.channel_settings import PhoneChannel
from gateway.clock import Clock, SystemClock
from gateway.deliver.canary import PURPOSE, message_of_test, notice_of_test
from gateway.deliver.channels import ChannelUnusable, Surroundings, open_channel
from gateway.deliver.destination import SendResult
from gateway.deliver.message_channel import MessageChannel
from gateway.deliver.provider import ProviderChannel
from gateway.devices_command import CommandEnds
from gateway.http import HttpClient
from gateway.load import EXIT_CODE, Configuration, ConfigurationFaults, load
from rules.effects import Notify
from rules.inputs import Outcome
from rules.parse import suggestion
from rules.site import Channel

Say = Callable[[str], object]
NOT_TAKEN: Final = 1
"""The exit code where the channel did not take the message."""

_RUNGS: Final = {
    Outcome.ACCEPTED: "handed over",
    Outcome.SENT: "sent",
    Outcome.DELIVERED: "delivered",
    Outcome.READ: "read",
    Outcome.ANSWERED: "answered",
    Outcome.RETRY: "not taken now",
    Outcome.REFUSED: "failed",
}


def try_channel(settings: Path, name: str, address: str, wait_s: float, say: Say) -> int:
    """Send one test over this channel and say what came of it: 0 where it was taken."""
    try:
        configuration = load(settings)
    except ConfigurationFaults as faults:
        raise CommandEnds(str(faults), EXIT_CODE) from faults
    channels = {channel.name: channel for channel in configuration.settings.channels}
    if name not in channels:
        raise CommandEnds(f"there is no channel {name!r}. {suggestion(name, channels)}", EXIT_CODE)
    return asyncio.run(_try(configuration, channels[name], address, wait_s, say))


async def _try(
    configuration: Configuration, setting: PhoneChannel, address: str, wait_s: float, say: Say
) -> int:
    clock = SystemClock()
    language = configuration.settings.console.language
    async with HttpClient() as http:
        around = Surroundings(
            http,
            lambda notify: notice_of_test(notify, configuration.sites[0], "", language),
            clock,
            lambda what: configuration.secrets.find("channel", setting.name, what),
        )
        try:
            channel = open_channel(setting, around)
        except ChannelUnusable as why:
            raise CommandEnds(str(why), EXIT_CODE) from why
        home, way = configuration.sites[0].id, Channel(setting.name, address)
        name = f"{home}:{PURPOSE}:{int(clock.wall().timestamp())}"
        # Its purpose stays a call's: whoever tries a channel by hand wants to see or hear it on the phone.
        message = message_of_test(name, home, "test", way, clock.now())
        return await _send(channel, message, clock, wait_s, say)


async def _send(channel: MessageChannel, message: Notify, clock: Clock, wait_s: float, say: Say) -> int:
    began = clock.monotonic()

    def rung(result: SendResult) -> None:
        words = " ".join(part for part in (result.reference, result.detail) if part)
        say(f"{_RUNGS[result.outcome]:<14} after {clock.monotonic() - began:.2f} s{f': {words}' if words else ''}")

    say(f"{'pending':<14} {message.message} over {channel.name} to {message.address or 'the address of the channel'}")
    say("sending")
    result = await channel.send(message, message.message)
    rung(result)
    if result.outcome in (Outcome.RETRY, Outcome.REFUSED):
        return NOT_TAKEN
    if isinstance(channel, ProviderChannel) and wait_s > 0 and not await _heard_more(channel, wait_s, rung):
        say(f"{'':<14} nothing more is known after {wait_s:g} s")
    return 0


async def _heard_more(channel: ProviderChannel, wait_s: float, rung: Callable[[SendResult], None]) -> bool:
    """Whether the provider told within this time what became of the message."""
    heard = asyncio.Event()

    async def later(_notify: Notify, result: SendResult) -> bool:
        rung(result)
        heard.set()
        return True

    listening = asyncio.ensure_future(channel.listen(later))
    try:
        async with asyncio.timeout(wait_s):
            await heard.wait()
    except TimeoutError:
        return False
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
    return True
