"""What must fit together about video platforms: names, homes, addresses without passwords, cameras by their codes."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from devices.wvp import CODE_DIGITS
from gateway.settings import Settings, VideoPlatform
from rules.parse import Fault, suggestion
from rules.site import Site

PROFILE = "video.platform"


def check_platforms(settings: Settings, sites: Collection[Site], file: str) -> list[Fault]:
    """Every fault and warning about video platforms. `sites`: those that have no fault of their own."""
    faults: list[Fault] = []
    taken = {source.name: f"sources[{place}]" for place, source in enumerate(settings.sources, 1)}
    taken |= {listener.name: f"gb26875[{place}]" for place, listener in enumerate(settings.gb26875, 1)}
    taken |= {push.name: f"pushes[{place}]" for place, push in enumerate(settings.pushes, 1)}
    homes = {site.id: site for site in sites}
    for place, platform in enumerate(settings.video_platforms, 1):
        where = f"video_platforms[{place}]"
        other = taken.setdefault(platform.name, where)
        if other != where:
            problem = f"{platform.name!r} is already used by {other}"
            faults.append(Fault(file=file, path=f"{where}.name", problem=problem, mend="Give each its own name"))
        faults += _address(platform, where, file)
        if platform.home in homes:
            faults += _cameras(platform, homes[platform.home], where, file)
        elif len(sites) == len(settings.sites):
            problem, mend = f"unknown home {platform.home!r}", suggestion(platform.home, homes)
            faults.append(Fault(file=file, path=f"{where}.home", problem=problem, mend=mend))
    return faults


def _address(platform: VideoPlatform, where: str, file: str) -> list[Fault]:
    """The address is not repeated: what is wrong with it may be a password."""
    try:
        parts = urlsplit(platform.url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    path = f"{where}.url"
    if not good or "@" in parts.netloc or parts.query:
        mend = 'Write url = "https://host:18080", and the user in username and password_file'
        return [Fault(file=file, path=path, problem="is not a web address without credentials", mend=mend)]
    if parts.scheme == "http" and not _is_near(parts.hostname or ""):
        problem = "everybody on the way reads what logs in to the platform"
        return [Fault(file=file, path=path, problem=problem, mend="Use https, or lead it through a VPN", warning=True)]
    return []


def _is_near(host: str) -> bool:
    """Whether an address is on the home's own network."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost"


def _cameras(platform: VideoPlatform, site: Site, where: str, file: str) -> list[Fault]:
    faults = []
    devices = [device for device in site.devices if device.source == platform.name]
    if not devices:
        problem = f"no device of {site.id} has the source {platform.name!r}: nothing is asked"
        mend = f'Write a [[device]] with kind = "video", profile = "{PROFILE}" and the channel\'s code as address'
        faults.append(Fault(file=file, path=f"{where}.name", problem=problem, mend=mend, warning=True))
    for device in devices:
        if device.kind != "video":
            problem = f"device {device.id!r} is of kind {device.kind!r}"
            faults.append(Fault(file=file, path=f"{where}.name", problem=problem, mend='Write kind = "video"'))
        elif len(device.address) != CODE_DIGITS or not (device.address.isascii() and device.address.isdigit()):
            problem = f"the address of device {device.id!r} is no code of {CODE_DIGITS} digits (GB/T 28181)"
            mend = "Write the channel's code as the platform shows it"
            faults.append(Fault(file=file, path=f"{where}.name", problem=problem, mend=mend))
        elif device.profile != PROFILE:
            problem = f"while the platform is away, device {device.id!r} will be told as silent as well"
            mend = f'Write profile = "{PROFILE}"'
            faults.append(Fault(file=file, path=f"{where}.name", problem=problem, mend=mend, warning=True))
    return faults
