"""The shipped rule packs, each with its scenarios, and the small home that the scenarios play in."""
