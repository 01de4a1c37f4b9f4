"""The message files of gammu's SMS daemon, in the format that it calls smsbackup: written for it, and read from it.

Gammu 1.42: `PDU = Status_Report` in a message to be sent asks for a delivery report; once it is sent, the first
`MessageReference` in the file is the reference that the report will carry. What stands behind it is of no use.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

UNITS_MAX: Final = 70
"""UTF-16 units of a message in one part (3GPP TS 23.040: 140 octets of user data, TS 23.038: UCS-2)."""

PART_UNITS_MAX: Final = 67
"""UTF-16 units of a part of several: six octets are the header that joins them (TS 23.040 section 9.2.3.24.1)."""

PARTS_MAX: Final = 2
_LINE_DIGITS: Final = 200
_TEXT_LINES_MAX: Final = 99

_RECEIVED_NAME = re.compile(r"IN\d{6,8}_\d{6}_\d{2,}_(?P<number>.*)_\d{2}\.(?:txt|bin|smsbackup)")
_FIELD = re.compile(r"(?P<key>[A-Za-z]+\d*) = (?P<value>.*)")


class Received(msgspec.Struct, frozen=True):
    """What came in: a message, or (`report`) what became of a message to `number` that was sent as `reference`."""

    number: str
    text: str
    report: bool = False
    reference: int = 0


def units(text: str) -> int:
    """How many UTF-16 units a text takes in a message."""
    return len(text.encode("utf-16-be")) // 2


def cut(text: str, most: int) -> str:
    """The beginning of a text that fits into so many units; no character is cut in two."""
    return text.encode("utf-16-be")[: 2 * most].decode("utf-16-be", "ignore")


def parts_of(text: str) -> tuple[str, ...]:
    """A text as the parts of one message, at most two; what is longer is cut."""
    if units(text) <= UNITS_MAX:
        return (text,)
    parts = []
    while text and len(parts) < PARTS_MAX:
        parts.append(cut(text, PART_UNITS_MAX))
        text = text[len(parts[-1]) :]
    return tuple(parts)


def written(number: str, text: str, join: int, note: str = "", *, report: bool = True) -> bytes:
    """A message for the outbox. `join` (0 to 255) joins its parts, `note` is a line that gammu leaves alone."""
    parts = parts_of(text)
    lines = [f"; {note}", ""]
    for place, part in enumerate(parts):
        digits = part.encode("utf-16-be").hex().upper()
        lines += [
            f"[SMSBackup{place:03d}]",
            f"PDU = {'Status_Report' if report else 'Submit'}",
            "State = Sent",
            f'Number = "{number}"',
            *([f"UDH = 050003{join % 256:02X}{len(parts):02X}{place + 1:02X}"] if len(parts) > 1 else []),
            *(
                f"Text{line:02d} = {digits[begin : begin + _LINE_DIGITS]}"
                for line, begin in enumerate(range(0, len(digits), _LINE_DIGITS))
            ),
            "Coding = Unicode_No_Compression",
            f"Length = {units(part)}",
            "Class = -1",
            "MessageReference = 0",
            "",
        ]
    return "\n".join(lines).encode("ascii") + b"\n"


def note_of(body: bytes) -> str:
    """The note in the first line of a message of ours, or ""."""
    first = body.partition(b"\n")[0]
    return first[2:].decode("ascii", "replace").strip() if first.startswith(b"; ") else ""


def reference_of(body: bytes) -> int:
    """The reference under which a message was sent; 0 where it has none."""
    found = re.search(rb"^MessageReference = (\d{1,3})\s*$", body, re.MULTILINE)
    return int(found[1]) if found else 0


def read_received(name: str, body: bytes) -> Received | None:
    """A file of the inbox; None where it is none that we understand.

    The number is that of the file's name: gammu took it from the network, while a text could hold lines that look
    like fields. (Gammu writes texts as comments and as digits, so that they cannot; this is the second bolt.)
    """
    named = _RECEIVED_NAME.fullmatch(name)
    if named is None:
        return None
    fields: dict[str, str] = {}
    text = ""
    for line in body.decode("utf-8", "replace").splitlines():
        if line.startswith("[SMSBackup"):
            text += _text(fields)
            fields = {}
            continue
        found = _FIELD.fullmatch(line)
        if found:
            fields[found["key"]] = found["value"].strip()
    text += _text(fields)
    if "PDU" not in fields:
        return None
    reference = fields.get("MessageReference", "")
    return Received(
        named["number"],
        text,
        report=fields["PDU"] == "Status_Report",
        reference=int(reference) if reference.isdecimal() else 0,
    )


def _text(fields: dict[str, str]) -> str:
    if fields.get("Coding", "").startswith("8bit"):
        return ""
    digits = "".join(fields.get(f"Text{line:02d}", "") for line in range(_TEXT_LINES_MAX))
    try:
        return bytes.fromhex(digits).decode("utf-16-be", "replace")
    except ValueError:
        return ""
