"""What must fit together about cameras: addresses without passwords, and one device of a home for each."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from devices.rtsp import holds_password, read_address
from gateway.settings import VIDEO_SOURCE, Camera, Settings
from rules.parse import Fault, suggestion
from rules.site import Site


def check_cameras(settings: Settings, sites: Collection[Site], file: str) -> list[Fault]:
    """Every fault and warning about cameras. `sites`: those that have no fault of their own."""
    faults: list[Fault] = []

    def fault(path: str, problem: str, mend: str = "", *, warning: bool = False) -> None:
        faults.append(Fault(file=file, path=path, problem=problem, mend=mend, warning=warning))

    first: dict[str, int] = {}
    homes = {site.id: site for site in sites}
    for place, camera in enumerate(settings.cameras, 1):
        where = f"cameras[{place}]"
        if camera.name in first:
            problem = f"{camera.name!r} is already used by cameras[{first[camera.name]}]"
            fault(f"{where}.name", problem, "Give each its own name, in all homes")
        first.setdefault(camera.name, place)
        for path, problem, mend, warning in _address_problems(camera):
            fault(f"{where}.{path}", problem, mend, warning=warning)
        if camera.password_file is not None and not camera.username:
            fault(f"{where}.username", "a password without a username", 'Write username = "…"')
        if camera.home in homes:
            for path, problem, mend, warning in _site_problems(camera, homes[camera.home]):
                fault(f"{where}.{path}", problem, mend, warning=warning)
        elif len(sites) == len(settings.sites):
            fault(f"{where}.home", f"unknown home {camera.home!r}", suggestion(camera.home, homes))
    for place, source in enumerate(settings.sources, 1):
        if source.name == VIDEO_SOURCE and settings.cameras:
            problem = f"{VIDEO_SOURCE!r} is the source of [[cameras]]"
            fault(f"sources[{place}].name", problem, "Give this source another name")
    faults += _never_asked(settings, sites, file)
    return faults


def _address_problems(camera: Camera) -> list[tuple[str, str, str, bool]]:
    """What is wrong with the addresses. They are not repeated: what is wrong may be a password."""
    found: list[tuple[str, str, str, bool]] = []
    try:
        read_address(camera.url)
    except ValueError as error:
        mend = 'Write url = "rtsp://host:554/path", and the user in username and password_file'
        found.append(("url", str(error), mend, False))
    if holds_password(camera.url):
        mend = (
            "Use an address of the camera without it; where there is none, let only the gateway's user read this file"
        )
        found.append(("url", "seems to hold a password, which everybody on the network can read", mend, True))
    if camera.onvif and not _is_web_address(camera.onvif):
        mend = 'Write onvif = "http://host/onvif/device_service", without a user in it'
        found.append(("onvif", "is not a web address without credentials", mend, False))
    if camera.basic_auth and camera.username:
        mend = "Set it only for a camera that has no digest authentication"
        found.append(("basic_auth", "sends the password readable over the network", mend, True))
    return found


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
        )
    except ValueError:
        return False


def _site_problems(camera: Camera, site: Site) -> list[tuple[str, str, str, bool]]:
    """A camera is a device of its home; no still is taken in somebody's room."""
    addresses = {device.address: device for device in site.devices if device.source == VIDEO_SOURCE}
    device = addresses.get(camera.name)
    if device is None:
        mend = suggestion(camera.name, addresses) if addresses else ""
        mend = mend or f'Write a [[device]] with kind = "video", source = "{VIDEO_SOURCE}", address = "{camera.name}"'
        return [("name", f"no device of {site.id} has the source {VIDEO_SOURCE!r} and this address", mend, False)]
    if device.kind != "video":
        return [("name", f"device {device.id!r} is of kind {device.kind!r}", 'Write kind = "video"', False)]
    if camera.still_in_room and not camera.still_allowed:
        return [("still_in_room", "without still_allowed", "Write still_allowed = true, or leave it out", False)]
    if camera.still_allowed and device.room:
        mend = "Leave still_allowed out for cameras in rooms, unless the resident agreed in writing"
        if not camera.still_in_room:
            mend += ": then write still_in_room = true, too"
        problem = f"device {device.id!r} stands in a room ({device.room})"
        return [("still_allowed", problem, mend, camera.still_in_room)]
    return []


def _never_asked(settings: Settings, sites: Collection[Site], file: str) -> list[Fault]:
    """Devices whose source is `video` and that no camera stands for: they would be silent for ever."""
    asked = {(camera.home, camera.name) for camera in settings.cameras}
    return [
        Fault(
            file=file,
            path="cameras",
            problem=f"device {device.id!r} of {site.id} is never asked",
            mend=f'Write [[cameras]] with home = "{site.id}" and name = "{device.address}"',
        )
        for site in sites
        for device in site.devices
        if device.source == VIDEO_SOURCE
        and (site.id, device.address) not in asked
        and VIDEO_SOURCE not in {source.name for source in settings.sources}
    ]
