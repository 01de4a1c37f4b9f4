"""Planted faults of the engine, and the tests that must see them: `make mutations`."""
