"""Readings in, effects out. Pure: time is an argument; no clock, I/O, logging or randomness."""
