"""The benchmark: what the gateway reaches, as ratios to the limit of the same machine in the same run."""
