"""RTP packets of video (RFC 3550), and the first key frame put together from them: H.264, H.265 and JPEG."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

import msgspec

from devices.rtsp import RtspError
from devices.sdp import Track

FRAME_MAX: Final = 4 * 1024 * 1024
"""Bytes of one key frame; a 4K key frame has about 1 MiB."""

_HEAD: Final = struct.Struct("!BBHII")
_START: Final = b"\x00\x00\x00\x01"
_H264_KEY: Final = 5
_H265_KEYS: Final = range(16, 22)


class RtpPacket(msgspec.Struct, frozen=True, gc=False):
    """One packet. `marker`: the last one of a frame. `timestamp` counts the track's clock."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    payload: bytes


def read_rtp(packet: bytes) -> RtpPacket:
    """The packet without its header, extension and padding (RFC 3550 section 5); RtspError where it is none."""
    if len(packet) < _HEAD.size:
        raise RtspError(f"an RTP packet of {len(packet)} bytes")
    first, second, sequence, timestamp, _ = _HEAD.unpack_from(packet)
    if first >> 6 != 2:
        raise RtspError("an RTP packet of another version than 2")
    start, end = _HEAD.size + 4 * (first & 0x0F), len(packet)
    if first & 0x10:
        if end < start + 4:
            raise RtspError("an RTP packet ends in its header")
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    if first & 0x20:
        end -= packet[-1]
    if start > end:
        raise RtspError("an RTP packet ends in its header")
    return RtpPacket(second & 0x7F, bool(second & 0x80), sequence, timestamp, packet[start:end])


class KeyFrame:
    """The first whole key frame of a track, as a decoder takes it: Annex B, or a JPEG file. Frames with gaps drop."""

    def __init__(self, track: Track) -> None:
        self._encoding = track.encoding
        self._sets = track.parameter_sets
        self._clean = True
        self._timestamp = -1
        self._sequence = -1
        self._key = False
        self._size = 0
        self._parts: list[bytearray] = []
        self._jpeg_head = b""

    @staticmethod
    def understands(encoding: str) -> bool:
        """Whether key frames of this format can be put together."""
        return encoding in ("H264", "H265", "JPEG")

    def take(self, packet: RtpPacket) -> bytes | None:
        """The key frame, once its last packet came."""
        if packet.timestamp != self._timestamp:
            self._begin(packet)
        elif packet.sequence != (self._sequence + 1) & 0xFFFF:
            self._clean = False
        self._sequence = packet.sequence
        if self._clean:
            self._add(packet.payload)
        if not (packet.marker and self._clean and self._key):
            return None
        if self._encoding == "JPEG":
            return self._jpeg_head + b"".join(self._parts)
        return b"".join([*(_START + unit for unit in self._sets), *(_START + unit for unit in self._parts)])

    def _begin(self, packet: RtpPacket) -> None:
        # After a gap the packets at the front may be missing, and a frame without its front is none.
        self._clean = self._sequence < 0 or packet.sequence == (self._sequence + 1) & 0xFFFF
        self._timestamp = packet.timestamp
        self._key = False
        self._size = 0
        self._parts = []

    def _add(self, payload: bytes) -> None:
        self._size += len(payload)
        if self._size > FRAME_MAX or not payload:
            self._clean = False
            return
        match self._encoding:
            case "H264":
                self._h264(payload)
            case "H265":
                self._h265(payload)
            case "JPEG":
                self._jpeg(payload)
            case _:
                self._clean = False

    def _h264(self, payload: bytes) -> None:
        """RFC 6184: single units (5.6), STAP-A (5.7.1), FU-A (5.8)."""
        kind = payload[0] & 0x1F
        if kind == 24:
            self._aggregated(payload, 1, lambda unit: unit[0] & 0x1F == _H264_KEY)
        elif kind == 28 and len(payload) > 2:
            inner = payload[1] & 0x1F
            self._fragment(payload[1], bytes((payload[0] & 0xE0 | inner,)), payload[2:], inner == _H264_KEY)
        elif kind < 24:
            self._key = self._key or kind == _H264_KEY
            self._parts.append(bytearray(payload))
        else:
            self._clean = False

    def _h265(self, payload: bytes) -> None:
        """RFC 7798 section 4.4: single units, aggregation (48), fragments (49)."""
        if len(payload) < 3:
            self._clean = False
            return
        kind = payload[0] >> 1 & 0x3F
        if kind == 48:
            self._aggregated(payload, 2, lambda unit: unit[0] >> 1 & 0x3F in _H265_KEYS)
        elif kind == 49:
            inner = payload[2] & 0x3F
            head = bytes((payload[0] & 0x81 | inner << 1, payload[1]))
            self._fragment(payload[2], head, payload[3:], inner in _H265_KEYS)
        elif kind < 48:
            self._key = self._key or kind in _H265_KEYS
            self._parts.append(bytearray(payload))
        else:
            self._clean = False

    def _aggregated(self, payload: bytes, position: int, is_key: Callable[[bytes], bool]) -> None:
        while position + 2 <= len(payload):
            size = int.from_bytes(payload[position : position + 2], "big")
            unit = payload[position + 2 : position + 2 + size]
            if not unit or len(unit) < size:
                self._clean = False
                return
            self._key = self._key or is_key(unit)
            self._parts.append(bytearray(unit))
            position += 2 + size

    def _fragment(self, flags: int, head: bytes, body: bytes, is_key: bool) -> None:
        self._key = self._key or is_key
        if flags & 0x80:
            self._parts.append(bytearray(head + body))
        elif self._parts:
            self._parts[-1] += body
        else:
            self._clean = False

    def _jpeg(self, payload: bytes) -> None:
        """RFC 2435 section 3.1: the main header, a restart header, quantisation tables, then the scan."""
        head = jpeg_head(payload)
        if head is None:
            self._clean = False
            return
        offset, file_head, scan = head
        if offset == 0:
            self._jpeg_head, self._key = file_head, True
        elif offset != sum(len(part) for part in self._parts):
            self._clean = False
        self._parts.append(bytearray(scan))


def jpeg_head(payload: bytes) -> tuple[int, bytes, bytes] | None:
    """The fragment's offset, the head of the JPEG file (for offset 0) and the bytes of the scan; None: unreadable."""
    if len(payload) < 8:
        return None
    offset = int.from_bytes(payload[1:4], "big")
    kind, quality = payload[4], payload[5]
    width, height = payload[6] * 8, payload[7] * 8
    position, restart = 8, b""
    if 64 <= kind <= 127:
        restart = b"\xff\xdd\x00\x04" + payload[8:10]
        position = 12
    if kind & 0x3F > 1 or kind > 127 or not width or not height:
        return None
    if offset:
        return offset, b"", payload[position:]
    if quality >= 128:
        precision = payload[position + 1 : position + 2]
        length = int.from_bytes(payload[position + 2 : position + 4], "big")
        tables = payload[position + 4 : position + 4 + length]
        position += 4 + length
        if length not in (64, 128) or len(tables) < length or precision != b"\x00":
            return None
    else:
        tables = _tables(quality)
    quantisation = b"".join(
        b"\xff\xdb\x00\x43" + bytes((number,)) + tables[64 * number : 64 * number + 64]
        for number in range(len(tables) // 64)
    )
    chroma = len(tables) // 64 - 1
    sampling = 0x21 if kind & 1 == 0 else 0x22
    size = struct.pack("!HH", height, width)
    frame = b"\xff\xc0\x00\x11\x08" + size + bytes((3, 0, sampling, 0, 1, 0x11, chroma, 2, 0x11, chroma))
    scan = b"\xff\xda\x00\x0c\x03\x00\x00\x01\x11\x02\x11\x00\x3f\x00"
    # The Huffman tables are left out: they are the standard's own (T.81 annex K), which decoders have.
    return 0, b"\xff\xd8" + quantisation + restart + frame + scan, payload[position:]


# Quantisation tables of ITU-T T.81 annex K.1 and K.2 in zigzag order, as RFC 2435 appendix A scales them.
_LUMA: Final = bytes.fromhex(
    "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933"
    "383740485c4e404457453738506d51575f626768673e4d71797064785c656763"
)
_CHROMA: Final = bytes.fromhex("1112121815182f1a1a2f6342384263") + bytes((0x63,)) * 49


def _tables(quality: int) -> bytes:
    """The tables of a quality from 1 to 99 (RFC 2435 section 4.2)."""
    quality = min(max(quality, 1), 99)
    factor = 5000 // quality if quality < 50 else 200 - quality * 2
    return bytes(min(max((step * factor + 50) // 100, 1), 255) for step in _LUMA + _CHROMA)
