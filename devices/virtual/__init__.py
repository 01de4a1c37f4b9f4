"""Virtual devices: packets from a seed and a time, for the demonstration, drills, tests and benchmarks."""

from devices.virtual.home import VirtualHome, VirtualPacket
from devices.virtual.incidents import PLOTS
from devices.virtual.mix import load_definitions, load_devices, load_mix, load_site_toml

__all__ = [
    "PLOTS",
    "VirtualHome",
    "VirtualPacket",
    "load_definitions",
    "load_devices",
    "load_mix",
    "load_site_toml",
]
