"""The JSON schemas of docs/schema, written from `rules.schema` and the device catalogue.

`python -m gateway.schema_files docs/schema` writes them; a test says when they are no longer current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gateway.load import kind_defaults
from rules.schema import people_schema, rules_schema, site_schema


def schema_texts() -> dict[str, str]:
    """File name -> text."""
    kinds = kind_defaults()
    schemas = {"rules.json": rules_schema(kinds), "site.json": site_schema(kinds), "people.json": people_schema()}
    return {name: json.dumps(schema, ensure_ascii=False, indent=1) + "\n" for name, schema in schemas.items()}


if __name__ == "__main__":
    for file, body in schema_texts().items():
        (Path(sys.argv[1]) / file).write_text(body, "utf-8")
