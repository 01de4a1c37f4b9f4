"""What an installer is told of everything that the gateway understands: one text for each codec, and for cameras,
fire panels and HTTP pushes. Pure data, Chinese and English; docs/devices.md is made from it.

Sources: the payload facts that each codec cites, and the codecs' own limits. Options of other programs are named as
their documentation has them; none was installed on hardware for these texts.
"""

from __future__ import annotations

from typing import Final

from devices.installation_makers import MAKERS
from devices.installation_networks import NETWORKS
from devices.installation_platforms import PLATFORMS
from devices.installation_radio import RADIO
from devices.installation_text import Installation
from devices.installation_video import VIDEO
from devices.installation_wifi import WIFI

BESIDE_CODECS: Final = ("cameras", "video-platforms", "gb26875", "pushes")
"""What is connected by a section of its own in the settings and not by a codec of `[[sources]]`."""

INSTALLATIONS: Final[dict[str, Installation]] = {
    one.id: one for one in (*RADIO, *WIFI, *NETWORKS, *VIDEO, *PLATFORMS, *MAKERS)
}
"""The texts by codec (or section), in the order of the page."""
