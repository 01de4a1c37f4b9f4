"""A cursor over the bytes of one frame: it never reads beyond the end, and says where it stood when it could not."""

from __future__ import annotations

from devices.codec import DecodeError


class Cursor:
    """Reads a frame from front to back. `field` names the frame in errors; numbers are little-endian unless said."""

    def __init__(self, data: bytes, field: str) -> None:
        self.data = data
        self.field = field
        self.position = 0

    @property
    def left(self) -> int:
        return len(self.data) - self.position

    def take(self, length: int) -> bytes:
        """The next bytes; DecodeError where the frame ends before."""
        if not 0 <= length <= self.left:
            place = f"{self.field} at byte {self.position}"
            raise DecodeError(place, f"{length} bytes", self.data[self.position :].hex())
        taken = self.data[self.position : self.position + length]
        self.position += length
        return taken

    def unsigned(self, length: int = 1) -> int:
        return int.from_bytes(self.take(length), "little")

    def signed(self, length: int = 1) -> int:
        return int.from_bytes(self.take(length), "little", signed=True)
