"""What an installer is told of one ecosystem: the shape of these texts. Pure data, Chinese and English."""

from __future__ import annotations

from typing import Final

import msgspec

HOME: Final = "home-a"
"""The home of all snippets: its id in the site file, and its account at the broker."""

STEPS_MAX: Final = 5


class Words(msgspec.Struct, frozen=True):
    """One text in both languages."""

    zh: str
    en: str


OPEN: Final = Words(
    "openssl rand -hex 32 > secrets/push-token；控制台须能从外网以 https 访问",
    "openssl rand -hex 32 > secrets/push-token; the console must be reachable from outside by https",
)
"""The first step of every push."""

CLOUD: Final = Words(
    "报警要经过厂家的云和外网：云断了，这里只剩沉默时限。火灾报警应另有一条不出院的路。",
    "Alarms pass through the maker's cloud and the internet: with it gone, only the silence limit "
    "tells. Fire should have a way that does not leave the home as well.",
)
"""The trap of every cloud."""


def push_address(codec: str) -> Words:
    """The step that enters our address into the platform."""
    url = f"https://<public_url>/push/{HOME}-{codec}?token=<token>"
    return Words(f"平台的推送地址：{url}", f"the platform's push address: {url}")


class Example(msgspec.Struct, frozen=True):
    """A message to try, as it arrives with these settings, and one reading that it gives.

    `before` are the messages (topic, payload) that must have come first: announcements, births.
    """

    topic: str
    payload: bytes
    point: str
    value: bool | float | str
    before: tuple[tuple[str, bytes], ...] = ()


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """How one ecosystem is connected: what it covers, steps on the devices' side, settings, traps.

    `id` is the codec's name where there is one. `settings` goes into the main file; `source`, `kind` and `address`
    make the device's entry in the site file. `example` is None where nothing comes as a message with a topic.
    """

    id: str
    name: Words
    covers: Words
    steps: tuple[Words, ...]
    traps: tuple[Words, ...]
    settings: str
    source: str
    kind: str
    address: str
    profile: str = ""
    example: Example | None = None


def mqtt_source(codec: str, prefix: str, *, registered_only: bool = False) -> str:
    """The `[[sources]]` of an ecosystem on the home's own broker; without a prefix it reads its own root topics."""
    lines = ["[[sources]]", f'name = "{HOME}-{codec}"', 'broker = "box"', f'home = "{HOME}"', f'codec = "{codec}"']
    if prefix:
        lines.append(f'prefix = "{prefix}"')
    if registered_only:
        lines.append("registered_only = true")
    return "\n".join(lines) + "\n"


def push_source(codec: str) -> str:
    """The `[[pushes]]` of a platform that calls the gateway over HTTP."""
    name = f"{HOME}-{codec}"
    return f'[[pushes]]\nname = "{name}"\nhome = "{HOME}"\ncodec = "{codec}"\ntoken_file = "secrets/push-token"\n'


def mqtt_installation(
    codec: str,
    name: Words,
    covers: Words,
    *,
    kind: str,
    address: str,
    steps: tuple[Words, ...],
    traps: tuple[Words, ...],
    example: Example,
    prefix: str = "",
    registered_only: bool = False,
    profile: str = "",
) -> Installation:
    """An ecosystem that a codec of the catalogue reads from a topic prefix."""
    return Installation(
        id=codec,
        name=name,
        covers=covers,
        steps=steps,
        traps=traps,
        settings=mqtt_source(codec, prefix, registered_only=registered_only),
        source=f"{HOME}-{codec}",
        kind=kind,
        address=address,
        profile=profile,
        example=example,
    )


def push_installation(
    codec: str,
    name: Words,
    covers: Words,
    *,
    kind: str,
    address: str,
    steps: tuple[Words, ...],
    traps: tuple[Words, ...],
    example: Example,
    profile: str = "",
) -> Installation:
    """A platform or a maker's cloud that pushes over HTTP to `/push/<name>`."""
    return Installation(
        id=codec,
        name=name,
        covers=covers,
        steps=steps,
        traps=traps,
        settings=push_source(codec),
        source=f"{HOME}-{codec}",
        kind=kind,
        address=address,
        profile=profile,
        example=example,
    )
