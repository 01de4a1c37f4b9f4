"""Site files and rule packs, from the tables of their TOML to Site and Rules. Pure: the shell reads the files.

A list's elements are counted from 1 in every path: `device[3].zone` is in the third `[[device]]`.
"""

from __future__ import annotations

from rules.parse_fields import Fault, parse_duration, suggestion
from rules.parse_plan import default_plan
from rules.parse_rule import CONDITIONS, SelectNames, parse_rules
from rules.parse_site import KindDefaults, Names, parse_site

__all__ = [
    "CONDITIONS",
    "Fault",
    "KindDefaults",
    "Names",
    "SelectNames",
    "default_plan",
    "parse_duration",
    "parse_rules",
    "parse_site",
    "suggestion",
]
