"""What must fit together in the settings: names, prefixes, addresses. Faults and warnings only; nothing is changed."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import urlsplit

from devices.catalog import CODECS
from gateway.load_panels import check_panels
from gateway.load_settings import check_tls, check_url, readable
from gateway.settings import Broker, Influx, Settings, Source
from rules.parse import Fault, suggestion

NATIVE_TOPICS: Final = "anlian/v1/"
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def cross_check(settings: Settings, homes: Collection[str] | None, file: str) -> list[Fault]:
    """Everything in the settings that does not fit together. `homes` None: the sites could not be read."""
    faults: list[Fault] = []

    def fault(path: str, problem: str, mend: str = "", *, warning: bool = False) -> None:
        faults.append(Fault(file=file, path=path, problem=problem, mend=mend, warning=warning))

    brokers = [broker.name for broker in settings.brokers]
    faults += _twice(brokers, "brokers", file)
    faults += _twice([source.name for source in settings.sources], "sources", file)
    faults += _twice([channel.name for channel in settings.channels], "channels", file)
    faults += _twice([store.name for store in settings.influx], "influx", file)
    stores = {store.name for store in settings.influx}
    for place, channel in enumerate(settings.channels, 1):
        if channel.name in stores or channel.name == "alarm-topics":
            fault(f"channels[{place}].name", f"{channel.name!r} is a destination already", "Give each its own name")
    if not settings.sites:
        fault("sites", "names no home", 'Write sites = ["sites/home-a.toml"]')
    if not settings.sources and not settings.gb26875 and not settings.pushes:
        fault("sources", "is empty: nothing is ever received", "Write [[sources]]", warning=True)
    for place, source in enumerate(settings.sources, 1):
        where = f"sources[{place}]"
        if source.broker not in brokers:
            fault(f"{where}.broker", f"unknown broker {source.broker!r}", suggestion(source.broker, brokers))
        if homes is not None and source.home not in homes:
            fault(f"{where}.home", f"unknown home {source.home!r}", suggestion(source.home, homes))
        for problem, mend in _prefix_problems(source, homes or ()):
            fault(f"{where}.prefix", problem, mend)
        if not source.prefix and not CODECS[source.codec]().subscriptions:
            problem = f"codec {source.codec!r} has no topics of its own: without a prefix this source hears nothing"
            mend = "Write [[pushes]] for what comes over HTTP, or the prefix under which a bridge publishes it"
            fault(f"{where}.codec", problem, mend)
    faults += _overlaps(settings.sources, file)
    faults += _heard_twice(settings, file)
    topics = settings.alarm_topics
    if topics is not None and topics.broker not in brokers:
        fault("alarm_topics.broker", f"unknown broker {topics.broker!r}", suggestion(topics.broker, brokers))
    for place, broker in enumerate(settings.brokers, 1):
        faults += _broker(broker, f"brokers[{place}]", file)
    for place, store in enumerate(settings.influx, 1):
        faults += _store(store, f"influx[{place}]", file)
    faults += check_panels(settings, homes, file)
    faults += _console(settings, file)
    return faults


def _twice(names: Iterable[str], section: str, file: str) -> list[Fault]:
    faults, first = [], {}
    for place, name in enumerate(names, 1):
        if name in first:
            problem = f"{name!r} is already used by {section}[{first[name]}]"
            faults.append(
                Fault(file=file, path=f"{section}[{place}].name", problem=problem, mend="Give each its own name")
            )
        first.setdefault(name, place)
    return faults


def _prefix_problems(source: Source, homes: Collection[str]) -> list[tuple[str, str]]:
    """What is wrong with a topic prefix by itself. It is compared level by level, so it has no wildcards."""
    problems = []
    prefix = source.prefix
    if not prefix and source.codec != "native":
        return []
    if "+" in prefix or "#" in prefix or "\x00" in prefix:
        problems.append((f"{prefix!r} has a wildcard", "Leave + and # out: everything below the prefix is read"))
    if prefix.startswith(("/", "$")) or prefix.endswith("/") or "//" in prefix:
        problems.append((f"{prefix!r} begins or ends with / or $, or has an empty level", "Leave these out"))
    others = [level for level in prefix.split("/") if level in homes and level != source.home]
    if others:
        problems.append(
            (f"{prefix!r} names another home ({others[0]})", f"A source of {source.home} reads its own topics")
        )
    wide = f"{prefix}/" == NATIVE_TOPICS  # on the home's own broker: topics of other homes are refused and shown
    if source.codec == "native" and not wide and not f"{prefix}/".endswith(f"{NATIVE_TOPICS}{source.home}/"):
        problems.append((f"{prefix!r} is not the prefix of our own topics", f'Write "{NATIVE_TOPICS}{source.home}"'))
    return problems


def _root(source: Source) -> str:
    """The prefix that the source reads below: its own, or the one that its ecosystem has by itself."""
    return source.prefix or str(CODECS[source.codec]().prefix)


def _overlaps(sources: Collection[Source], file: str) -> list[Fault]:
    """Two prefixes on one broker of which one lies inside the other: nobody could tell whose packet it is."""
    faults = []
    seen: list[tuple[int, Source]] = []
    for place, source in enumerate(sources, 1):
        for other_place, other in seen:
            mine, theirs = f"{_root(source)}/", f"{_root(other)}/"
            same = mine.startswith(theirs) or theirs.startswith(mine)
            if "/" in (mine, theirs):
                same = mine == theirs and source.codec == other.codec
            if source.broker == other.broker and same:
                problem = (
                    f"{source.prefix!r} overlaps with {other.prefix!r} of sources[{other_place}] on the same broker"
                )
                mend = "Give each source a prefix of its own"
                faults.append(Fault(file=file, path=f"sources[{place}].prefix", problem=problem, mend=mend))
        seen.append((place, source))
    return faults


def _heard_twice(settings: Settings, file: str) -> list[Fault]:
    """Sources whose topics lie where Home Assistant's discovery reads, too: their devices announce themselves there."""
    places = {broker.name: (broker.host, broker.port) for broker in settings.brokers}
    faults = []
    for place, wide in enumerate(settings.sources, 1):
        if wide.codec != "homeassistant":
            continue
        for other_place, other in enumerate(settings.sources, 1):
            within = not wide.prefix or f"{_root(other)}/".startswith(f"{wide.prefix}/")
            same = places.get(other.broker, 0) == places.get(wide.broker, 1)
            if other.codec in ("homeassistant", "native") or not (same and within):
                continue
            problem = (
                f"the topics of sources[{other_place}] ({other.codec}, {_root(other) or 'no prefix'}) lie here, too: "
                "its devices announce themselves by discovery, under other addresses, and may be heard twice"
            )
            mend = (
                f"Switch discovery off in {other.codec}, or give this source a prefix of its own; register each device "
                "with one source only"
            )
            faults.append(
                Fault(file=file, path=f"sources[{place}].prefix", problem=problem, mend=mend, warning=True)
            )
    return faults


def _broker(broker: Broker, where: str, file: str) -> list[Fault]:
    faults = check_tls(broker.tls, f"{where}.tls", file)
    if broker.tls is None and broker.host not in _LOOPBACK:
        problem = f"the way to {broker.host} is not encrypted: passwords and readings can be read on it"
        mend = f"Write [{where.split('[')[0]}.tls] with ca, and port = 8883"
        faults.append(Fault(file=file, path=where, problem=problem, mend=mend, warning=True))
    if broker.password_file is not None and not broker.username:
        problem = "a password without a username"
        faults.append(Fault(file=file, path=f"{where}.username", problem=problem, mend='Write username = "…"'))
    return faults


def _store(store: Influx, where: str, file: str) -> list[Fault]:
    faults = check_url(store.url, f"{where}.url", file)
    if store.mode == "v2" and not store.bucket:
        problem = "mode v2 writes into a bucket"
        faults.append(Fault(file=file, path=f"{where}.bucket", problem=problem, mend='Write bucket = "…"'))
    if store.mode == "v1" and not store.database:
        problem = "mode v1 writes into a database"
        faults.append(Fault(file=file, path=f"{where}.database", problem=problem, mend='Write database = "anlian"'))
    return faults


def _console(settings: Settings, file: str) -> list[Fault]:
    console = settings.console
    faults = check_tls(console.tls, "console.tls", file, server=True)
    if console.accounts is not None:
        readable(console.accounts, "console.accounts", file, faults, private=True)
    if console.phone_ca is not None:
        readable(console.phone_ca, "console.phone_ca", file, faults)
    if settings.heartbeat is not None:
        faults += check_url(settings.heartbeat.url, "heartbeat.url", file)
    faults += check_url(settings.public_url, "public_url", file)
    host = urlsplit(settings.public_url).hostname or ""
    if host and not _reachable_from_outside(host):
        problem = f"a phone outside of the home cannot open {host}"
        mend = "Write the address under which phones reach the console"
        faults.append(Fault(file=file, path="public_url", problem=problem, mend=mend, warning=True))
    return faults


def _reachable_from_outside(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host not in _LOOPBACK and "." in host and not host.endswith((".local", ".lan", ".internal"))
    return address.is_global
