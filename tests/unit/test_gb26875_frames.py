"""Frames of GB/T 26875.3: every vector byte for byte, resynchronisation, the bugs of public decoders, and a fuzzer."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devices.codec import DecodeError
from devices.gb26875 import (
    FRAME_MAX,
    Cause,
    Command,
    Frame,
    FrameFault,
    FrameReader,
    decode_frame,
    encode,
    read_time,
    reply,
    write_time,
)

VECTORS = json.loads((Path(__file__).parents[2] / "devices/examples/gb26875.json").read_text("utf-8"))["cases"]
GOOD = [(case["name"], bytes.fromhex(case["hex"])) for case in VECTORS if case["valid"]]
F14 = next(bytes.fromhex(case["hex"]) for case in VECTORS if not case["valid"])
FIRE = next(raw for name, raw in GOOD if name.startswith("D2 "))
BEAT = dict(GOOD)["heartbeat"]
FSCN = bytes.fromhex("4040 8a 000105 260301021507") + b"123456789012" + bytes.fromhex("0102 77 2323")
"""The layout of another vendor between the same marks (standards sheet 2.11)."""

AT = datetime(2026, 3, 1, 2, 15, 8, tzinfo=UTC)


def frames(items: list[Frame | FrameFault]) -> list[bytes]:
    return [encode(item) for item in items if isinstance(item, Frame)]


def causes(items: list[Frame | FrameFault]) -> list[Cause]:
    return [item.cause for item in items if isinstance(item, FrameFault)]


@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in GOOD])
def test_a_vector_is_read_and_written_byte_for_byte(raw: bytes) -> None:
    assert encode(decode_frame(raw)) == raw
    reader = FrameReader()
    assert frames(reader.feed(raw)) == [raw]
    assert (reader.waiting, reader.counts.faults) == (0, 0)


def test_the_vector_with_a_wrong_checksum_is_a_fault_that_can_be_denied() -> None:
    (fault,) = FrameReader().feed(F14)
    assert isinstance(fault, FrameFault) and fault.cause is Cause.CHECKSUM
    assert fault.words == "checksum 53, found 43"
    assert fault.frame is not None and reply(fault.frame, Command.DENY, AT).serial == fault.frame.serial
    with pytest.raises(DecodeError, match="checksum"):
        decode_frame(F14)


def test_fields_of_a_frame() -> None:
    frame = decode_frame(FIRE)
    assert (frame.serial, frame.command, frame.source, frame.destination) == (2, Command.DATA, 1001, 1)
    assert frame.sent_at == datetime(2026, 2, 28, 18, 15, 8, tzinfo=UTC), "local time, eight hours ahead"
    assert write_time(frame.sent_at) == frame.time


@pytest.mark.parametrize("name,command", [("ack", Command.CONFIRM), ("nak", Command.DENY)])
def test_our_replies_are_those_of_the_vectors(name: str, command: Command) -> None:
    asked = decode_frame(dict(GOOD)["1 type2 smoke fire zone2 pos10"])
    wanted = dict(GOOD)[name]
    assert encode(reply(asked, command, read_time(decode_frame(wanted).time))) == wanted  # type: ignore[arg-type]


@pytest.mark.parametrize("cut", range(1, len(FIRE)))
def test_a_frame_in_two_pieces(cut: int) -> None:
    reader = FrameReader()
    assert reader.feed(FIRE[:cut]) == []
    assert frames(reader.feed(FIRE[cut:])) == [FIRE]


def test_frames_back_to_back_byte_by_byte() -> None:
    reader, found = FrameReader(), []
    for byte in FIRE + BEAT + FIRE:
        found += reader.feed(bytes((byte,)))
    assert frames(found) == [FIRE, BEAT, FIRE] and not causes(found)


@pytest.mark.parametrize(
    "garbage",
    [b"\x00", b"@", b"@@@", b"##", b"\r\nAT+CIPSEND\r\n", b"@@##", b"@" * 5, FIRE[:40], FIRE[20:], F14, FSCN],
    ids=["nul", "one-mark", "marks", "end", "modem", "empty", "many", "cut-head", "cut-tail", "bad-sum", "fscn8001"],
)
def test_a_fire_behind_garbage_is_found(garbage: bytes) -> None:
    reader = FrameReader()
    found = reader.feed(garbage + FIRE)
    found += reader.look_beyond()
    assert frames(found) == [FIRE]
    assert causes(found), "what was stepped over is told"


@pytest.mark.parametrize("length", [100, 200, 1024])
def test_a_false_start_holds_a_fire_up_only_until_somebody_looks_beyond(length: int) -> None:
    """The bug that a length field invites: a start that promises bytes that never come."""
    head = encode(Frame(serial=7, command=2, source=9, destination=1, time=bytes(6), data=bytes(length)))[:29]
    reader = FrameReader()
    assert frames(reader.feed(head + FIRE)) == []
    assert frames(reader.look_beyond()) == [FIRE]


def test_looking_beyond_leaves_a_slow_frame_alone() -> None:
    reader = FrameReader()
    reader.feed(FIRE[:50])
    assert reader.look_beyond() == []
    assert frames(reader.feed(FIRE[50:])) == [FIRE]


def test_giving_up_empties_the_reader() -> None:
    reader = FrameReader()
    reader.feed(FIRE[:50])
    assert causes(reader.give_up()) == [Cause.GARBAGE]
    assert reader.waiting == 0
    assert frames(reader.feed(FIRE)) == [FIRE]


@pytest.mark.parametrize("place", range(31))
def test_end_marks_inside_the_payload_end_nothing(place: int) -> None:
    """Bug of a public decoder: searching for 23 23."""
    data = bytearray(b"\x02\x01" + bytes(46))
    data[place : place + 2] = b"##"
    raw = encode(Frame(serial=1, command=2, source=1001, destination=1, time=bytes(6), data=bytes(data)))
    assert frames(FrameReader().feed(raw)) == [raw]


def test_a_whole_frame_inside_the_payload_is_payload() -> None:
    outer = encode(Frame(serial=1, command=2, source=1001, destination=1, time=bytes(6), data=b"\x80\x01" + BEAT))
    reader = FrameReader()
    assert frames(reader.feed(outer[:-1])) == []
    assert frames(reader.feed(outer[-1:])) == [outer]


def test_end_marks_35_35_are_a_fault() -> None:
    """Bug of a public encoder: decimal 35 taken for hexadecimal."""
    (fault,) = FrameReader().feed(FIRE[:-2] + b"\x35\x35")
    assert isinstance(fault, FrameFault) and fault.cause is Cause.END and fault.frame is not None


def test_a_length_beyond_the_limit_is_a_fault_and_the_next_frame_is_found() -> None:
    broken = bytearray(FIRE)
    broken[24:26] = b"\x01\x04"
    found = FrameReader().feed(bytes(broken) + FIRE)
    assert causes(found)[0] is Cause.LENGTH and frames(found) == [FIRE]


def test_a_frame_of_the_greatest_length() -> None:
    raw = encode(Frame(serial=65535, command=2, source=(1 << 48) - 1, destination=0, time=bytes(6), data=bytes(1024)))
    assert len(raw) == FRAME_MAX == 1054
    assert frames(FrameReader().feed(raw)) == [raw]


def test_another_main_version_is_read() -> None:
    """A simulator in the field sends the version 02 03."""
    raw = encode(Frame(serial=1, command=2, source=5, destination=1, time=bytes(6), version=2, user_version=3))
    assert frames(FrameReader().feed(raw)) == [raw]


@pytest.mark.parametrize("number", [0x80000000, 0xFFFFFFFF, 0x010203040506, (1 << 48) - 1])
def test_addresses_have_six_bytes(number: int) -> None:
    """Bug of a public decoder: 32-bit shifts."""
    raw = encode(Frame(serial=1, command=2, source=number, destination=number, time=bytes(6)))
    frame = decode_frame(raw)
    assert (frame.source, frame.destination) == (number, number)
    assert raw[12:18] == number.to_bytes(6, "little")


@pytest.mark.parametrize("label", ["000000000000", "3c000001011a", "00001801011a", "0000001e021a", "ffffffffffff"])
def test_a_time_that_is_none_is_none(label: str) -> None:
    assert read_time(bytes.fromhex(label)) is None


@pytest.mark.parametrize(
    "frame",
    [
        Frame(serial=65536, command=2, source=1, destination=1, time=bytes(6)),
        Frame(serial=1, command=256, source=1, destination=1, time=bytes(6)),
        Frame(serial=1, command=2, source=1 << 48, destination=1, time=bytes(6)),
        Frame(serial=1, command=2, source=1, destination=1, time=bytes(5)),
        Frame(serial=1, command=2, source=1, destination=1, time=bytes(6), data=bytes(1025)),
    ],
)
def test_what_does_not_fit_is_not_written(frame: Frame) -> None:
    with pytest.raises(ValueError):
        encode(frame)


def mutate(dice: random.Random, raw: bytes) -> bytes:
    """A frame with one to three faults of a line: bits, bytes lost or doubled, garbage, a wrong length, marks."""
    broken = bytearray(raw)
    for _ in range(dice.randint(1, 3)):
        place = dice.randrange(len(broken)) if broken else 0
        match dice.randrange(7):
            case 0 if broken:
                broken[place] ^= 1 << dice.randrange(8)
            case 1:
                del broken[place : place + dice.randint(1, 12)]
            case 2:
                broken[place:place] = broken[place : place + dice.randint(1, 40)]
            case 3:
                broken[place:place] = dice.randbytes(dice.randint(1, 40))
            case 4 if len(broken) > 26:
                broken[24:26] = dice.randrange(2048).to_bytes(2, "little")
            case 5:
                broken[place:place] = dice.choice([b"@@", b"##", b"@", b"#", b"##@@"])
            case _:
                broken = broken[:place]
    return bytes(broken)


def test_whatever_comes_the_reader_holds_out_and_finds_the_next_fire() -> None:
    """20,000 broken frames, each followed by a good one that must be found, with less than a frame in memory."""
    dice = random.Random(26875)
    raws = [raw for _, raw in GOOD]
    reader = FrameReader()
    for number in range(20_000):
        raw = mutate(dice, dice.choice(raws))
        found = []
        while raw:
            size = dice.randint(1, len(raw))
            found += reader.feed(raw[:size])
            raw = raw[size:]
            assert reader.waiting < FRAME_MAX
        found += reader.feed(FIRE)
        if FIRE not in frames(found):
            found += reader.look_beyond()
        assert FIRE in frames(found), f"case {number}"
        assert len(found) <= 60
        for item in found:
            if isinstance(item, Frame):
                assert decode_frame(encode(item)) == item
            else:
                assert item.words and len(item.raw) <= FRAME_MAX


def test_a_reader_fed_with_start_marks_alone_stays_small() -> None:
    reader = FrameReader()
    for _ in range(200):
        assert len(reader.feed(b"@" * 1000)) <= 40
        assert reader.waiting < FRAME_MAX
    assert frames(reader.feed(FIRE)) + frames(reader.look_beyond()) == [FIRE]
