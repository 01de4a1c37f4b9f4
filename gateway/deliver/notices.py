"""Makes the words of every message: of an alarm with its signed page, of a channel's test with its own."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gateway.clock import Clock
from gateway.deliver.canary import CONFIRM, PURPOSE, notice_of_test
from gateway.deliver.wording import Notice, compose, on_the_wall
from gateway.links import Links
from rules.effects import Notify
from rules.site import Site


class NoticeMaker(msgspec.Struct, frozen=True):
    """Site, links and language, put to a message."""

    links: Links
    sites: Mapping[str, Site]
    clock: Clock
    language: str

    def __call__(self, notify: Notify) -> Notice:
        """The notice of one message."""
        home = notify.incident.home
        site = self.sites.get(home)
        if notify.purpose == PURPOSE:
            asked = notify.reason == CONFIRM
            url = self.links.test(home, notify.person, notify.channel, notify.message) if asked else ""
            return notice_of_test(notify, site, url, self.language)
        url = self.links.page(home, notify.incident.id, notify.message, notify.person)
        return compose(on_the_wall(notify, self.clock.wall() - self.clock.now()), site, url, self.language)
