"""The journal: what happened and what was decided, on disk before anybody is told or thanked."""
