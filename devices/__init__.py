"""What devices say: bytes in, readings out. Pure: no clock, no I/O, no randomness, no logging."""
