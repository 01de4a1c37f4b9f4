"""The inventory keeps what a device said last, for people to look at."""

from __future__ import annotations

from devices.reading import Quality, Reading, Report
from devices.zigbee2mqtt import Zigbee2Mqtt
from gateway.inbox import Inbox
from gateway.metrics import Metrics
from gateway.receive.decode import Decoder, Route
from gateway.receive.inventory import Inventory
from tests.console_world import ShiftableClock, a_site


def test_the_last_report_is_kept_over_a_new_site_file() -> None:
    site = a_site()
    inventory = Inventory([site])
    assert inventory.last_values("jinlan", "smoke-1") == {}
    known = inventory.find("z2m", "smoke-1")
    assert known is not None
    known.last = Report("smoke-1", (Reading("temperature", 21.5), Reading("humidity", 1e9, Quality.BAD)))
    inventory.load(site)
    assert inventory.last_values("jinlan", "smoke-1") == {"temperature": 21.5}
    assert inventory.last_values("jinlan", "nobody") == {}
    assert inventory.last_values("elsewhere", "smoke-1") == {}


def test_a_packet_leaves_its_report_with_its_device() -> None:
    inventory = Inventory([a_site()])
    decoder = Decoder(inventory, Inbox(), ShiftableClock(), Metrics(), 10_000, lambda *_: None)
    route = Route("z2m", "jinlan", "zigbee2mqtt", Zigbee2Mqtt(prefix="zigbee2mqtt"))
    decoder.take(route, "zigbee2mqtt/smoke-1", b'{"temperature": 21.5, "battery": 90}', 1, False, None)
    assert inventory.last_values("jinlan", "smoke-1") == {"temperature": 21.5, "battery": 90.0}
