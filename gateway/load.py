"""The whole configuration: main file, site files, rule packs and secrets, read and checked before anything starts.

Every fault of every file is found at once and says where, what and how to mend it.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from devices.catalog import PROFILES, VARIANTS
from devices.codec import Profile
from gateway.load_audit import check_audit
from gateway.load_cameras import check_cameras
from gateway.load_channels import check_addresses, check_channels
from gateway.load_cross import cross_check
from gateway.load_drawings import check_drawings
from gateway.load_platforms import check_platforms
from gateway.load_pushes import check_pushes
from gateway.load_settings import ABSENT, FILE_MAX, Secrets, absolute, find_secrets, validate
from gateway.settings import VIDEO_SOURCE, Settings
from rules.parse import Fault, KindDefaults, Names, SelectNames, parse_rules, parse_site, suggestion
from rules.parse_people import parse_shared_people
from rules.rule import Rule
from rules.schedule import CHINA
from rules.site import Person, Site

SHIPPED_PACKS: Final = ("fire", "electrical", "person", "video", "supervision", "panel")
"""The packs that are in force where the main file names none, and that it may name without a path."""

OFFSETS_FROM: Final = datetime(2025, 1, 1, tzinfo=UTC)
OFFSETS_UNTIL: Final = datetime(2045, 1, 1, tzinfo=UTC)
"""The years whose changes of local time (summer time) schedules know; China has none."""

EXIT_CODE: Final = 2
"""How the program ends when the configuration has faults."""


class Pack(msgspec.Struct, frozen=True):
    """One rule pack: its rules, and the text of its scenarios (None if it has none)."""

    name: str
    file: str
    rules: tuple[Rule, ...]
    scenario_file: str = ""
    scenarios: str | None = None


class Configuration(msgspec.Struct, frozen=True):
    """Everything that the gateway starts with: checked, with absolute paths. `ruleset` is the hash of the rules."""

    file: Path
    settings: Settings
    sites: tuple[Site, ...]
    packs: tuple[Pack, ...]
    rules: tuple[Rule, ...]
    ruleset: str
    secrets: Secrets
    site_files: dict[str, Path]
    shadow_rules: tuple[Rule, ...] = ()
    warnings: tuple[Fault, ...] = ()


class ConfigurationFaults(Exception):
    """The configuration cannot be used. `faults` has every fault and warning; the text has one a line."""

    def __init__(self, faults: Collection[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def load(path: Path, environment: Mapping[str, str] | None = None) -> Configuration:
    """The configuration that a main file describes; ConfigurationFaults if it has any fault beyond warnings."""
    configuration, faults = examine(path, environment)
    if configuration is None:
        raise ConfigurationFaults(faults)
    return configuration


def examine(
    path: Path, environment: Mapping[str, str] | None = None, *, elsewhere: bool = False
) -> tuple[Configuration | None, tuple[Fault, ...]]:
    """The configuration (None if it has faults), and every fault and warning of every file.

    `elsewhere`: it is only looked at, perhaps on another machine than the box: certificates and secrets that are
    not here are warnings then.
    """
    faults: list[Fault] = []
    path = path.absolute()
    values = read_toml(path, str(path), "", faults)
    if values is None:
        return None, tuple(faults)
    part, found = validate(values, str(path))
    faults += found
    base = path.parent
    site_paths = [base / text for text in _texts(values, "sites")]
    pack_names = _texts(values, "packs") or list(SHIPPED_PACKS)
    sites, homes = _read_sites(site_paths, values, base, faults)
    packs = read_packs(pack_names, base, faults)
    rules = join_packs(packs, [site for _, site in sites], faults)
    shadow_rules = _shadow_rules(_texts(values, "shadow_packs"), base, packs, [site for _, site in sites], faults)
    secrets = Secrets({})
    settings = None
    if part is not None:
        settings = absolute(part.settings, base, frozenset(SHIPPED_PACKS))
        whole = homes if len(homes) == len(site_paths) else None
        secrets, found = find_secrets(settings, os.environ if environment is None else environment, str(path))
        found += cross_check(settings, whole, str(path))
        found += check_drawings(sites)
        found += check_cameras(settings, [site for _, site in sites], str(path))
        found += check_platforms(settings, [site for _, site in sites], str(path))
        found += check_channels(settings, secrets, str(path))
        found += check_addresses(settings, [site for _, site in sites])
        found += check_pushes(settings, whole, secrets, str(path))
        found += check_audit(settings, str(path))
        faults += part.own(found)
    if elsewhere:
        faults = [msgspec.structs.replace(f, warning=True) if f.mend == ABSENT else f for f in faults]
    if settings is None or any(not fault.warning for fault in faults):
        return None, tuple(faults)
    configuration = Configuration(
        file=path,
        settings=settings,
        sites=tuple(site for _, site in sites),
        packs=tuple(packs),
        rules=rules,
        ruleset=ruleset_of(rules),
        secrets=secrets,
        site_files={site.id: path for path, site in sites},
        shadow_rules=shadow_rules,
        warnings=tuple(faults),
    )
    return configuration, tuple(faults)


def ruleset_of(rules: Collection[Rule]) -> str:
    """A name for exactly these rules, the same on every machine: the beginning of their hash."""
    return hashlib.sha256(msgspec.json.encode(list(rules))).hexdigest()[:16]


def kind_defaults() -> dict[str, KindDefaults]:
    """What site files need to know of the device catalogue."""
    variants: dict[str, dict[str, KindDefaults]] = {}
    for profile in VARIANTS.values():
        variants.setdefault(profile.kind, {})[profile.id] = _defaults(profile, {})
    return {profile.kind: _defaults(profile, variants.get(profile.kind, {})) for profile in PROFILES.values()}


def _defaults(profile: Profile, variants: dict[str, KindDefaults]) -> KindDefaults:
    return KindDefaults(
        silence_limit=profile.silence_limit,
        category=profile.category,
        clears_are_trusted=profile.clears_are_trusted,
        points=profile.points,
        profile=profile.id,
        variants=variants,
    )


def read_toml(path: Path, file: str, where: str, faults: list[Fault]) -> dict[str, Any] | None:
    """The tables of a TOML file, or None with a fault."""
    try:
        with path.open("rb") as stream:
            body = stream.read(FILE_MAX + 1)
    except OSError as error:
        mend = "Give the gateway's user the right to read it" if path.exists() else "Make the file, or mend the path"
        problem = f"cannot be read: {error.strerror or error}"
        faults.append(Fault(file=file, path=where, problem=problem, mend=mend))
        return None
    if len(body) > FILE_MAX:
        faults.append(Fault(file=file, path=where, problem=f"is longer than {FILE_MAX} bytes", mend="Split it"))
        return None
    return parse_toml(body, file, where, faults)


def parse_toml(body: bytes, file: str, where: str, faults: list[Fault]) -> dict[str, Any] | None:
    """The tables in the bytes of a TOML file, or None with a fault."""
    try:
        return tomllib.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        problem, mend = f"is not UTF-8 (byte {error.start})", "Save the file as UTF-8"
    except tomllib.TOMLDecodeError as error:
        problem, mend = f"is not TOML: {error}", "Mend this line first: nothing behind it can be read"
    except RecursionError:
        problem, mend = "is nested too deep to be read", "Lists and tables need no such depth"
    faults.append(Fault(file=file, path=where, problem=problem, mend=mend))
    return None


def _texts(values: Mapping[str, Any], name: str) -> list[str]:
    """The texts of a list in the main file, as far as they are texts (what else is wrong is noted elsewhere)."""
    found = values.get(name, [])
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def _named(values: Mapping[str, Any], section: str, **wanted: object) -> set[str]:
    """The names of the tables of a section that have these values, even where the section has other faults."""
    tables = values.get(section, [])
    return {
        table["name"]
        for table in (tables if isinstance(tables, list) else [])
        if isinstance(table, Mapping)
        and isinstance(table.get("name"), str)
        and all(table.get(key) == value for key, value in wanted.items())
    }


def _channel_kinds(values: Mapping[str, Any]) -> dict[str, str]:
    """Of which kind each channel is, by its name."""
    tables = values.get("channels", [])
    return {
        table["name"]: table["kind"]
        for table in (tables if isinstance(tables, list) else [])
        if isinstance(table, Mapping) and isinstance(table.get("name"), str) and isinstance(table.get("kind"), str)
    }


def _shared_people(
    values: Mapping[str, Any], base: Path, homes: Collection[str], faults: list[Fault]
) -> dict[str, tuple[Person, ...]]:
    """The people of the file that homes share, by home; none where the main file names no such file."""
    name = values.get("people")
    if not isinstance(name, str):
        return {}
    file = str(base / name)
    tables = read_toml(base / name, file, "", faults)
    if tables is None:
        return {}
    people, found = parse_shared_people(tables, _named(values, "channels"), homes)
    faults += [msgspec.structs.replace(fault, file=file) for fault in found]
    return people


def _read_sites(
    paths: list[Path], values: Mapping[str, Any], base: Path, faults: list[Fault]
) -> tuple[list[tuple[Path, Site]], list[str]]:
    """The homes that have no fault, and the ids of all, as far as they could be read."""
    sites: list[tuple[Path, Site]] = []
    kinds = kind_defaults()
    first: dict[str, Path] = {}
    files = [(path, read_toml(path, str(path), "", faults)) for path in paths]
    homes = [tables["home"].get("id") for _, tables in files if tables and isinstance(tables.get("home"), Mapping)]
    shared = _shared_people(values, base, [home for home in homes if isinstance(home, str)], faults)
    for path, tables in files:
        if tables is None:
            continue
        home = tables.get("home")
        home_id = home.get("id") if isinstance(home, Mapping) else None
        sources = _named(values, "sources", home=home_id) | _named(values, "gb26875", home=home_id)
        sources |= _named(values, "pushes", home=home_id) | _named(values, "video_platforms", home=home_id)
        if _named(values, "cameras"):  # of any home: that each has its camera is checked with them
            sources.add(VIDEO_SOURCE)
        names = Names(kinds, sources, _named(values, "channels"), _channel_kinds(values))
        site, found = parse_site(tables, names, shared.get(home_id, ()) if isinstance(home_id, str) else ())
        if isinstance(home_id, str) and home_id in first:
            problem = f"home {home_id!r} is already described by {first[home_id]}"
            found.append(Fault(path="home.id", problem=problem, mend="Give each home its own id"))
        elif isinstance(home_id, str):
            first[home_id] = path
        if site is not None and not _is_timezone(site.timezone):
            mend = 'Write a name of the time zone database, such as "Asia/Shanghai"'
            found.append(Fault(path="home.timezone", problem=f"unknown time zone {site.timezone!r}", mend=mend))
        faults += [msgspec.structs.replace(fault, file=str(path)) for fault in found]
        if site is not None:
            sites.append((path, msgspec.structs.replace(site, offsets=offsets_of(site.timezone))))
    return sites, list(first)


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return False
    return True


def offsets_of(timezone: str) -> tuple[tuple[datetime, int], ...]:
    """From which instant on which offset of local time holds, in minutes, for schedules; none for +8 h throughout.

    A rule asks no time zone database: what it decided must be the same in a replay, wherever that runs.
    """
    if not _is_timezone(timezone):
        return ()
    zone = ZoneInfo(timezone)
    found: list[tuple[datetime, int]] = []
    at = OFFSETS_FROM
    while at < OFFSETS_UNTIL:
        minutes = _offset(at, zone)
        if minutes != (found[-1][1] if found else CHINA // timedelta(minutes=1)):
            early, late = (at - timedelta(days=1), at) if found else (at, at)
            while late - early > timedelta(minutes=1):
                middle = early + (late - early) / 2
                early, late = (early, middle) if _offset(middle, zone) == minutes else (middle, late)
            found.append((late.replace(second=0, microsecond=0), minutes))
        at += timedelta(days=1)
    return tuple(found)


def _offset(at: datetime, zone: ZoneInfo) -> int:
    return (at.astimezone(zone).utcoffset() or timedelta(0)) // timedelta(minutes=1)


def read_packs(names: list[str], base: Path, faults: list[Fault]) -> list[Pack]:
    """The packs of these names: shipped ones, or files as seen from `base`; what is wrong goes to `faults`."""
    packs = []
    for name in dict.fromkeys(names):
        if name in SHIPPED_PACKS:
            shipped = resources.files("rules.packs")
            file = f"packs/{name}.toml"
            tables = parse_toml((shipped / f"{name}.toml").read_bytes(), file, "", faults)
            scenarios: str | None = (shipped / f"{name}.scenario").read_text("utf-8")
            scenario_file = f"packs/{name}.scenario"
        else:
            path = base / name
            file, beside = str(path), path.with_suffix(".scenario")
            tables = read_toml(path, file, "", faults)
            scenarios, scenario_file = _scenarios_beside(beside, faults), str(beside)
        if tables is not None:
            rules, found = parse_rules(tables)
            faults += [msgspec.structs.replace(fault, file=file) for fault in found]
            packs.append(Pack(name, file, rules, scenario_file, scenarios))
    return packs


def in_place(live: Sequence[Pack], others: Sequence[Pack]) -> list[Pack]:
    """The live packs, with others in the place of those of the same name."""
    names = {Path(pack.name).stem for pack in others}
    return [*(pack for pack in live if Path(pack.name).stem not in names), *others]


def _shadow_rules(
    names: list[str], base: Path, live: list[Pack], sites: list[Site], faults: list[Fault]
) -> tuple[Rule, ...]:
    """The rules that a shadow tries beside the live ones; nothing where no pack is named."""
    others = read_packs(names, base, faults)
    found: list[Fault] = []
    rules = join_packs(in_place(live, others), sites, found) if others else ()
    files = {pack.file for pack in others}
    faults += [fault for fault in found if fault.file in files]  # those of live packs are told already
    return rules


def _scenarios_beside(path: Path, faults: list[Fault]) -> str | None:
    if not path.exists():
        return None
    try:
        return path.read_bytes()[:FILE_MAX].decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot be read: {error}"
        faults.append(Fault(file=str(path), path="", problem=problem, mend="Save it as UTF-8 and readable"))
        return None


def join_packs(packs: list[Pack], sites: list[Site], faults: list[Fault]) -> tuple[Rule, ...]:
    """The rules of all packs; an id stands in one pack only, and what rules select must exist in some home."""
    first: dict[str, str] = {}
    names = SelectNames(
        kinds=set(kind_defaults()),
        zones={zone.id for site in sites for zone in site.zones} if sites else None,
        devices={device.id for site in sites for device in site.devices} if sites else None,
    )
    rules = []
    for pack in packs:
        for rule in pack.rules:
            if first.setdefault(rule.id, pack.file) != pack.file:
                problem = f"rule {rule.id!r} already stands in {first[rule.id]}"
                mend = "Give it another id, or leave that pack out of packs"
                faults.append(Fault(file=pack.file, path=rule.id, problem=problem, mend=mend))
                continue
            rules.append(rule)
            faults += _unknown_selection(rule, pack, names)
    return tuple(rules)


def _unknown_selection(rule: Rule, pack: Pack, names: SelectNames) -> list[Fault]:
    chosen = (
        ("kinds", rule.select.kinds, names.kinds),
        ("zones", rule.select.zones, names.zones),
        ("devices", rule.select.devices, names.devices),
    )
    return [
        Fault(
            file=pack.file,
            path=f"{rule.id}.select.{name}",
            problem=f"unknown {name.removesuffix('s')} {value!r}",
            mend=suggestion(value, known),
        )
        for name, values, known in chosen
        for value in values
        if known is not None and value not in known
    ]
