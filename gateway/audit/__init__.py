"""The auditor: a process of its own that checks, from the journal alone, that nobody is forgotten."""
