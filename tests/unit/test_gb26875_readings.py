"""Data units of GB/T 26875.3 and what they mean: every type both ways, every bit, formats, dialects, known bugs."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from devices import gb26875_tables as tables
from devices import gb26875_units as units
from devices.codec import DecodeError, Packet
from devices.gb26875 import DATA_MAX, Frame, decode_frame, encode
from devices.gb26875_readings import PART_FORMATS, Gb26875, fire_point, part_bytes, split_address
from devices.reading import DANGER_POINTS, Quality, Report, find_point
from tests.unit.test_gb26875_frames import mutate

VECTORS = json.loads((Path(__file__).parents[2] / "devices/examples/gb26875.json").read_text("utf-8"))["cases"]
GOOD = {case["name"]: bytes.fromhex(case["hex"]) for case in VECTORS if case["valid"]}
TIME = bytes((7, 15, 2, 1, 3, 26))
AT = datetime(2026, 2, 28, 18, 15, 7, tzinfo=UTC)


def vector(start: str) -> bytes:
    return next(raw for name, raw in GOOD.items() if name.startswith(start))


def decode(raw: bytes, **more: Any) -> tuple[Report, ...]:
    return Gb26875(**more).decode(Packet("panel/889", raw), None).reports


def said(number: int, objects: list[Any], **more: Any) -> tuple[Report, ...]:
    data = units.write_unit(number, objects, Gb26875(**more).layouts)
    return decode(encode(Frame(serial=1, command=2, source=9, destination=1, time=TIME, data=data)), **more)


def values(report: Report) -> dict[str, Any]:
    return {reading.point: reading.value for reading in report.readings}


@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in GOOD.items() if decode_frame(raw).data])
def test_the_unit_of_a_vector_is_read_and_written_byte_for_byte(raw: bytes) -> None:
    data = decode_frame(raw).data
    unit = units.read_unit(data)
    assert unit.known and units.write_unit(unit.type, unit.objects) == data


def sample(layout: units.Layout) -> Any:
    fields: dict[str, Any] = {"time": TIME, "part": b"\x01\x02\x03\x04", "description": b"x" * 31, "text": b"abc"}
    return layout.made(**{name: fields.get(name, 1) for name in layout.made.__struct_fields__})


@pytest.mark.parametrize("number", units.LAYOUTS)
def test_every_type_holds_what_the_table_says(number: int) -> None:
    layout = units.LAYOUTS[number]
    objects = [sample(layout)] * layout.most
    data = units.write_unit(number, objects)
    assert len(data) <= DATA_MAX
    assert list(units.read_unit(data).objects) == objects
    with pytest.raises(ValueError, match="at most"):
        units.write_unit(number, [*objects, objects[0]])
    assert number in tables.TYPES


SIZES = {
    1: 10, 2: 46, 3: 16, 4: 10, 5: 4, 7: 38, 8: 8, 21: 7, 24: 8, 25: 2, 28: 6, 61: 2, 62: 6, 63: 6, 64: 9, 65: 2,
    66: 2, 67: 6, 68: 2, 81: 1, 84: 7, 85: 1, 86: 1, 88: 1, 89: 1, 90: 6, 91: 1,
}  # fmt: skip


@pytest.mark.parametrize("number", SIZES)
def test_the_objects_have_the_sizes_of_the_figures(number: int) -> None:
    assert units.LAYOUTS[number].size == SIZES[number]


def test_queries_and_controls_are_all_there() -> None:
    assert set(units.UPLOADS) == {1, 2, 3, 4, 5, 6, 7, 8, 21, 24, 25, 26, 28}
    assert {units.ANSWERED_BY[query] for query in units.QUERIES} == units.UPLOADS
    assert set(units.LAYOUTS) == units.UPLOADS | units.QUERIES | units.CONTROLS


@pytest.mark.parametrize(
    "data",
    ["", "02", "0201", "020000", "0202" + "00" * 46, "0201" + "00" * 45, "0201" + "00" * 47, "06010101", "0601010105aa",
     "0602010101aa", "0601010101aabb", "1a0105aa"],
)  # fmt: skip
def test_numbers_that_do_not_fit_together_are_one_error(data: str) -> None:
    """Among them the bug of a public decoder that divides by the count."""
    with pytest.raises(DecodeError):
        units.read_unit(bytes.fromhex(data))


def test_set_ups_of_different_lengths() -> None:
    """Bug of a public decoder: type 6 split by total length over count."""
    setups = [units.SystemSetup(1, 1, b"a"), units.SystemSetup(1, 2, b"bcdef"), units.SystemSetup(1, 3, b"")]
    assert list(units.read_unit(units.write_unit(6, setups)).objects) == setups


def test_an_operation_is_flag_then_operator() -> None:
    """Bug of a public decoder: the other way round."""
    (unit,) = units.read_unit(bytes.fromhex("0401010122070f0f02010319")[:12]).objects
    assert (unit.flags, unit.operator) == (0x22, 7)


def test_the_transcription_errors_of_a_vendors_document_are_not_ours() -> None:
    assert tables.SYSTEMS[23].zh == "消防电源" and tables.SYSTEMS[20].zh == "消防电梯"
    assert units.LAYOUTS[90].made is units.DeviceTime and units.LAYOUTS[91].made is units.DutyCheck
    assert tables.QUANTITIES[5].step == 0.1 and tables.QUANTITIES[5].unit == "kPa"


# readings


def test_fire_with_bit_0_saying_test_is_a_fire() -> None:
    """Both sample fires found in the field carry 0x0002."""
    report = decode(vector("1 type2"))[0]
    assert report.device == "889/1.1/10.2"
    assert values(report)["fire.alarm"] is True and values(report)["test"] is True
    assert report.readings[0].point == "fire.alarm", "fire first"
    assert report.readings[0].quality is Quality.GOOD


def test_the_other_field_frame() -> None:
    report = decode(vector("type2 desc"))[0]
    assert report.device == "0/1.3/217.6" and values(report)["fire.alarm"] is True
    assert report.events[0]["description"] == "Ａ区１层呷哺走廊"
    assert report.measured_at == datetime(2020, 8, 1, 11, 18, 48, tzinfo=UTC)


@pytest.mark.parametrize(
    "start,device,wanted",
    [
        ("D1", "1001/1.1", {"fire.alarm": True, "fault": True, "power.mains": False, "test": False, "shielded": False}),
        ("D2", "1001/1.1/1.2", {"fire.alarm": True, "fault": False, "test": False}),
        ("D3", "1001/0.1/5.0", {"fire.alarm": False, "fault": True}),
        ("D4", "1001/0.1/6.0", {"cable_temp.1": 68.5}),
        ("D5", "1001/0.1/7.0", {"cable_temp.1": -12.5}),
        ("D7", "1001", {"fault": True, "channel.fault": True, "line.fault": False, "online": True, "test": False}),
        ("2 type21", "889", {"power.mains": False, "fire.alarm": False, "test": True}),
        ("3 type24", "889", {"duty.answered": True}),
        ("heartbeat", "889", {"online": True}),
        ("6 resp21", "889", {"power.mains": False}),
    ],
)
def test_what_the_vectors_say(start: str, device: str, wanted: dict[str, Any]) -> None:
    found = values(next(report for report in decode(vector(start)) if report.device == device))
    assert {point: found[point] for point in wanted} == wanted


def test_the_second_value_of_a_frame_and_the_time() -> None:
    first, second, alive = decode(vector("D5"))
    assert values(second) == {"voltage.a": 221.4} and second.device == "1001/0.1/8.0"
    assert first.measured_at == AT and alive.device == "1001" and values(alive) == {"online": True}


def test_what_people_did_is_told() -> None:
    (report, _) = decode(vector("D6"))
    assert [event["operation"] for event in report.events] == ["silence", "acknowledge"]
    assert report.events[0]["operator"] == "7"


SYSTEM_BITS = {
    1: ("fire.alarm", True), 2: ("fault", True), 3: ("shielded", True), 4: ("supervisory", True), 5: ("started", True),
    6: ("feedback", True), 7: ("delayed", True), 8: ("power.mains", False), 9: ("battery.fault", True),
    10: ("bus.fault", True), 11: ("manual_mode", True), 0: ("test", False),
}  # fmt: skip


@pytest.mark.parametrize("bit", SYSTEM_BITS)
def test_each_bit_of_a_system_by_itself(bit: int) -> None:
    base = values(said(1, [units.SystemState(1, 1, 0, TIME)])[0])
    found = values(said(1, [units.SystemState(1, 1, 1 << bit, TIME)])[0])
    point, value = SYSTEM_BITS[bit]
    assert found[point] is value and base[point] is not value
    changed = {name for name in base if base[name] != found[name]}
    assert changed <= {point, "fault"} and (point == "fault" or "fault" not in changed or bit in (9, 10))


@pytest.mark.parametrize("bit,event", [(12, "setup_changed"), (13, "operation")])
def test_bits_of_a_system_that_are_events(bit: int, event: str) -> None:
    assert said(1, [units.SystemState(1, 1, 1 << bit, TIME)])[0].events[-1]["type"] == event


DEVICE_BITS = {
    0: ("test", False), 1: ("fire.alarm", True), 2: ("fault", True), 3: ("power.mains", False),
    4: ("battery.fault", True), 5: ("channel.fault", True), 6: ("line.fault", True),
}  # fmt: skip


@pytest.mark.parametrize("bit", DEVICE_BITS)
def test_each_bit_of_a_transmission_device(bit: int) -> None:
    point, value = DEVICE_BITS[bit]
    assert values(said(21, [units.DeviceState(1 << bit, TIME)])[0])[point] is value


@pytest.mark.parametrize("bit,point", [(2, "fault"), (3, "shielded"), (8, "power.fault"), (1, "fire.alarm")])
def test_bits_of_a_component(bit: int, point: str) -> None:
    one = units.PartState(1, 1, 42, b"\x01\x00\x02\x00", 1 << bit, bytes(31), TIME)
    assert values(said(2, [one])[0])[point] is True


KINDS = {42: "fire.alarm", 17: "fire.alarm", 200: "fire.alarm", 23: "manual_call.alarm", 12: "gas.alarm"}


@pytest.mark.parametrize(("kind", "point"), KINDS.items())
def test_the_fire_bit_of_a_kind_is_its_danger(kind: int, point: str) -> None:
    assert fire_point(kind) == point and point in DANGER_POINTS


@pytest.mark.parametrize(("number", "made"), [(4, units.Operation), (24, units.DeviceOperation)])
@pytest.mark.parametrize(("flags", "value"), [(0x04, True), (0x08, False), (0x01, False), (0x02, None)])
def test_a_manual_alarm_is_a_person_who_says_that_it_burns(number: int, made: Any, flags: int, value: Any) -> None:
    fields = (flags, 3, TIME) if number == 24 else (1, 1, flags, 3, TIME)
    assert values(said(number, [made(*fields)])[0]).get("manual_call.alarm") is value


def test_bit_5_is_a_duty_answer_at_the_transmission_device_only() -> None:
    assert "duty.answered" not in values(said(4, [units.Operation(1, 1, 0x20, 3, TIME)])[0])
    assert values(said(24, [units.DeviceOperation(0x20, 3, TIME)])[0])["duty.answered"] is True


@pytest.mark.parametrize("quantity", tables.QUANTITIES)
def test_every_quantity_is_a_point_of_the_catalogue(quantity: int) -> None:
    one = units.PartValue(1, 1, 91, b"\x01\x00\x02\x00", quantity, 3, TIME)
    (reading,) = said(3, [one])[0].readings
    assert find_point(reading.point) is not None
    scale = 1000 if quantity == 4 else 1
    assert reading.value == pytest.approx(3 * tables.QUANTITIES[quantity].step * scale)


EDGES = [(2, 32000, True), (2, -1, False), (12, 21, False), (3, -2731, False)]


@pytest.mark.parametrize(("quantity", "raw", "good"), EDGES)
def test_a_value_beyond_the_table_decides_nothing(quantity: int, raw: int, good: bool) -> None:
    one = units.PartValue(1, 1, 91, b"\x01\x00\x02\x00", quantity, raw, TIME)
    (reading,) = said(3, [one])[0].readings
    assert (reading.quality is Quality.GOOD) is good


def test_a_quantity_of_the_users_is_kept_as_it_is() -> None:
    report = said(3, [units.PartValue(129, 1, 17, bytes(4), 0x82, 312, TIME)])[0]
    assert report.readings == () and report.events[0]["raw"] == "312"


FORMATS = {
    "words": "10.2", "words-reversed": "2.10", "number": "131082", "number-reversed": "167772672", "bytes": "10.0.2.0",
    "bytes-reversed": "0.2.0.10",
}  # fmt: skip


@pytest.mark.parametrize("name", PART_FORMATS)
def test_address_formats(name: str) -> None:
    part = bytes.fromhex("0a000200")
    assert PART_FORMATS[name](part) == FORMATS[name]
    assert part_bytes(FORMATS[name], name) == part
    wanted = PART_FORMATS[name](bytes.fromhex("01000200"))
    assert decode(vector("D2"), address_format=name)[0].device == f"1001/1.1/{wanted}"


NO_ADDRESSES = [("1", "words"), ("1.2.3", "bytes"), ("70000.1", "words"), ("x", "number")]


@pytest.mark.parametrize(("address", "name"), NO_ADDRESSES)
def test_an_address_that_is_none(address: str, name: str) -> None:
    with pytest.raises(ValueError):
        part_bytes(address, name)


def test_addresses_taken_apart() -> None:
    found = split_address("889/1.1/10.2")
    assert found is not None and (found.device, found.system, found.part) == (889, "1.1", "10.2")
    assert split_address("x") is None and split_address("1/2/3/4") is None


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b" " * 30 + b"\x00", ""),
        ("二楼203室烟感".encode("gb18030").ljust(31, b"\x00"), "二楼203室烟感"),
        ("二楼203室烟感".encode("gb18030").ljust(31, b" "), "二楼203室烟感"),
        (("a" + "烟" * 15).encode("gb18030")[:31], "a" + "烟" * 15),
        ("烟感烟感烟感烟感烟感烟感烟感烟感".encode("gb18030")[:31], "烟感烟感烟感烟感烟感烟感烟感烟\ufffd"),
        (b"\xff\xfe\x01", "\ufffd\ufffd\ufffd"),
    ],
)
def test_descriptions(raw: bytes, text: str) -> None:
    assert units.read_text(raw) == text


def test_a_description_is_cut_between_characters() -> None:
    raw = units.write_description("烟" * 20)
    assert len(raw) == 31 and units.read_text(raw) == "烟" * 15


def test_a_reserved_type_is_kept_as_an_event() -> None:
    raw = encode(Frame(serial=1, command=2, source=9, destination=1, time=TIME, data=b"\x80\x01abc"))
    (report,) = decode(raw)
    assert report.device == "9" and report.events[0] == {"type": "unknown_unit", "unit": "128", "data": "8001616263"}


# dialects


@pytest.mark.parametrize(
    ("status", "wanted"), [(1, {"fire.alarm": True}), (20, {"fault": True}), (40, {"fault": False}), (99, {})]
)
def test_the_tanda_dialect(status: int, wanted: dict[str, bool]) -> None:
    one = units.TandaPartState(1, 1, 78, b"00010002", status, "烟感".encode("gb18030").ljust(32, b"\x00"), TIME)
    report = said(2, [one], dialect="tanda")[0]
    assert report.device == "9/1.1/00010002" and values(report) == wanted and report.measured_at == AT
    assert report.events[0]["type"] == ("component" if wanted else "unknown_status")
    data = units.write_unit(2, [one], Gb26875("tanda").layouts)
    with pytest.raises(DecodeError):
        decode(encode(Frame(serial=1, command=2, source=9, destination=1, time=TIME, data=data)))


def test_an_ascii_address_cannot_break_out_of_its_place() -> None:
    one = units.TandaPartState(1, 1, 78, b"../#+\x00\xff\n", 1, bytes(32), TIME)
    assert set(said(2, [one], dialect="tanda")[0].device.removeprefix("9/1.1/")) <= set("._-")


def test_the_dahua_dialect_ends_at_512_bytes() -> None:
    states = [units.PartState(1, 1, 42, bytes(4), 1, bytes(31), TIME)] * 12
    with pytest.raises(DecodeError, match="512"):
        said(2, states, dialect="dahua")
    assert len(said(2, states[:11], dialect="dahua")) == 12


def test_an_unknown_dialect_is_refused() -> None:
    with pytest.raises(ValueError, match="fscn"):
        Gb26875("fscn")


@pytest.mark.parametrize("dialect", ["standard", "dahua", "tanda"])
def test_whatever_is_in_a_frame_the_codec_raises_one_error(dialect: str) -> None:
    """Total: good frames with any content, and broken ones."""
    dice = random.Random(dialect)
    codec = Gb26875(dialect)
    raws = list(GOOD.values())
    for _ in range(4000):
        good = decode_frame(dice.choice(raws))
        data = mutate(dice, good.data) if dice.random() < 0.7 else dice.randbytes(dice.randrange(200))
        raw = encode(msgspec.structs.replace(good, command=dice.randrange(256), data=data[:DATA_MAX]))
        try:
            reports = codec.decode(Packet("panel/889", raw if dice.random() < 0.8 else mutate(dice, raw)), None).reports
        except DecodeError:
            continue
        assert reports
        for report in reports:
            assert report.device and all(find_point(reading.point) for reading in report.readings)
            assert all(isinstance(word, str) for event in report.events for word in event.values())
