"""The couriers to people that the settings name: one for each channel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from gateway.backoff import Jitter
from gateway.clock import Clock
from gateway.deliver.channels import Hardware, Surroundings, open_channel
from gateway.deliver.courier import Report
from gateway.deliver.message_channel import Words
from gateway.deliver.people import PeopleCourier
from gateway.deliver.phone_reach import PhoneReach
from gateway.http import HttpClient
from gateway.load_settings import Secrets
from gateway.record.record import Record
from gateway.settings import Settings
from rules.site import Site


def open_couriers(
    settings: Settings,
    secrets: Secrets,
    sites: Mapping[str, Site],
    record: Record,
    http: HttpClient,
    words: Words,
    clock: Clock,
    report: Report,
    jitter: Jitter,
    hardware: Hardware,
    reach: PhoneReach,
) -> Iterator[PeopleCourier]:
    """A courier for each channel, with its secrets; ChannelUnusable if one cannot work."""
    for setting in settings.channels:
        around = Surroundings(
            http, words, clock, partial(secrets.find, "channel", setting.name), reach, hardware
        )
        channel = open_channel(setting, around)
        yield PeopleCourier(
            channel,
            record,
            tuple(sites),
            clock,
            report,
            jitter,
            concurrency=channel.at_once,
            hand_over_max_s=channel.hand_over_max_s,
            give_up_s=setting.give_up_s,
            metrics=hardware.metrics,
        )
