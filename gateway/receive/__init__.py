"""Ways in: packets become inputs."""
