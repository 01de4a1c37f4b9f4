"""Ways out: couriers that read the journal and carry what the engine asked for."""
