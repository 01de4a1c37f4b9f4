"""A new configuration while the gateway runs: sites and rules change, whole and checked, or nothing does.

The change reaches the engine as a SiteChanged input through the inbox, so it is in the journal like all else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import structlog

from gateway.inbox import Inbox, Stamp
from gateway.load import Configuration, ConfigurationFaults, load
from gateway.roster_csv import first_difference
from gateway.roster_file import ImportedPlan, RosterChange, change_roster
from gateway.site_file import Adoption, ChangeRefused, adopt, write_whole
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
        """Write the device into its home's file and take it over; ChangeRefused, and the file as it was, if not."""
        async with self._one_at_a_time:
            return await self._take(await asyncio.to_thread(write_checked, self._configuration, adoption), by)

    async def change_roster(self, home: str, change: RosterChange, by: str) -> Reloaded:
        """Write a change of the roster into the home's file and take it over; ChangeRefused, the file as it was."""
        async with self._one_at_a_time:
            return await self._take(await asyncio.to_thread(write_roster, self._configuration, home, change), by)


def write_checked(configuration: Configuration, adoption: Adoption) -> Configuration:
    """Write the device into its home's file: the configuration with it. ChangeRefused, and the file as it was."""
    return _written(configuration, adoption.home, partial(adopt, adoption=adoption))


def write_roster(configuration: Configuration, home: str, change: RosterChange) -> Configuration:
    """Write a change of the roster into its home's file: the configuration with it. ChangeRefused, all as before."""
    path = configuration.site_files.get(home)
    before = path.read_bytes() if path is not None and isinstance(change, ImportedPlan) else b""
    fresh = _written(configuration, home, partial(change_roster, change=change))
    if path is not None and isinstance(change, ImportedPlan):
        site = next(site for site in fresh.sites if site.id == home)
        differs_at = first_difference(site, change.rows)
        if differs_at is not None:
            _put_back(path, before.decode("utf-8"))
            words = f"with the file's overrides the roster would differ from the plan at {differs_at}"
            raise ChangeRefused(f"{words}: strike out the overrides of that time, and import again")
    return fresh


def _written(configuration: Configuration, home: str, write: Callable[[Path], str]) -> Configuration:
    path = configuration.site_files.get(home)
    if path is None:
        raise ChangeRefused(f"there is no home {home!r}. {suggestion(home, configuration.site_files)}")
    before = write(path)
    try:
        return load(configuration.file)
    except ConfigurationFaults as faults:
        _put_back(path, before)
        raise ChangeRefused("; ".join(str(fault) for fault in faults.faults if not fault.warning)) from faults


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
