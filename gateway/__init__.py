"""The imperative shell: sockets, disk, clock, people. What it decides, it asks of `rules`."""
