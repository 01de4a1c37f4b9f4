"""A new configuration while the gateway runs: sites and rules change, whole and checked, or nothing does.

The change reaches the engine as a SiteChanged input through the inbox, so it is in the journal like all else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import structlog

from gateway.inbox import Inbox, Stamp
from gateway.load import Configuration, ConfigurationFaults, load
from gateway.site_file import Adoption, AdoptionRefused, adopt, write_whole
from rules.inputs import SiteChanged
from rules.parse import suggestion
from rules.rule import Rule
from rules.site import Site

log = structlog.get_logger("reload")


class Reloaded(msgspec.Struct, frozen=True):
    """What a reload did: the homes that changed, and what needs a restart to take effect."""

    homes: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


class Reloader:
    """Reads the configuration again, one reload at a time."""

    def __init__(
        self,
        configuration: Configuration,
        inbox: Inbox,
        sites: dict[str, Site],
        on_site: Callable[[Site], None],
        on_trial: Callable[[tuple[Rule, ...]], None],
    ) -> None:
        self._configuration = configuration
        self._inbox = inbox
        self._sites = sites
        self._on_site = on_site
        self._on_trial = on_trial
        self._one_at_a_time = asyncio.Lock()

    async def reload(self, by: str = "") -> Reloaded:
        """Take over what changed in sites and rules; ConfigurationFaults, and nothing changed, if it has faults."""
        async with self._one_at_a_time:
            return await self._reload(by)

    async def _reload(self, by: str) -> Reloaded:
        return await self._take(await asyncio.to_thread(load, self._configuration.file), by)

    async def _take(self, fresh: Configuration, by: str) -> Reloaded:
        known = self._configuration
        changed = []
        for site in fresh.sites:
            before = self._sites.get(site.id)
            if before is None or (before == site and fresh.ruleset == known.ruleset):
                continue
            await self._inbox.submit(site.id, _site_changed(site, fresh.rules, fresh.ruleset, by))
            self._sites[site.id] = site
            self._on_site(site)
            changed.append(site.id)
        self._on_trial(fresh.shadow_rules)
        restart = _needs_restart(known, fresh)
        self._configuration = msgspec.structs.replace(fresh, settings=known.settings)
        log.info("configuration read again", homes=changed, restart=restart, by=by)
        return Reloaded(tuple(changed), tuple(restart))

    async def adopt(self, adoption: Adoption, by: str) -> Reloaded:
        """Write the device into its home's file and take it over; AdoptionRefused, and the file as it was, if not."""
        async with self._one_at_a_time:
            return await self._take(await asyncio.to_thread(write_checked, self._configuration, adoption), by)


def write_checked(configuration: Configuration, adoption: Adoption) -> Configuration:
    """Write the device into its home's file: the configuration with it. AdoptionRefused, and the file as it was."""
    path = configuration.site_files.get(adoption.home)
    if path is None:
        known = suggestion(adoption.home, configuration.site_files)
        raise AdoptionRefused(f"there is no home {adoption.home!r}. {known}")
    before = adopt(path, adoption)
    try:
        return load(configuration.file)
    except ConfigurationFaults as faults:
        _put_back(path, before)
        raise AdoptionRefused("; ".join(str(fault) for fault in faults.faults if not fault.warning)) from faults


def _put_back(path: Path, before: str) -> None:
    write_whole(path, before, path.read_text("utf-8"))


def _site_changed(site: Site, rules: Sequence[Rule], ruleset: str, by: str) -> Stamp:
    return lambda at: SiteChanged(at=at, site=site, rules=tuple(rules), ruleset=ruleset, by=by)


def _needs_restart(known: Configuration, fresh: Configuration) -> list[str]:
    """What a reload cannot change: settings (but the packs of the shadow), and which homes there are."""
    old, new = known.settings, fresh.settings
    changed = [name for name in type(old).model_fields if getattr(old, name) != getattr(new, name)]
    fields = [name for name in changed if name != "shadow_packs"]
    homes = {site.id for site in known.sites} ^ {site.id for site in fresh.sites}
    return fields + sorted(f"home {home}" for home in homes)
