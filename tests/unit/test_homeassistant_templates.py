"""Templates of Home Assistant discovery: the forms that devices announce, and how everything else is refused."""

from __future__ import annotations

from typing import Any

import pytest

from devices.codec import DecodeError
from devices.homeassistant_templates import parsed
from devices.homeassistant_values import evaluated, last_key, simple_path

SAID = {"x": 21.5, "a": {"b": 7}, "list": [1, 2], "s": "ON", "t": True, "null": None, "n": "12", "v": 0}

VALUES: list[tuple[str, Any]] = [
    ("{{ value_json.x }}", 21.5),
    ("{{value_json['a']['b']}}", 7),
    ('{{ value_json["a"].b }}', 7),
    ("{{ value_json.list[1] }}", 2),
    ("{{ value_json.list[9] }}", None),
    ("{{ value_json.gone.further }}", None),
    ("{{ value_json.null }}", None),
    ("{{ value_json.x | is_defined }}", 21.5),
    ("{{ value_json.gone | default('') }}", None),
    ("{{ value_json.gone | default(5) }}", None),
    ("{{ value_json.gone | default(value_json.x) }}", 21.5),
    ("{{ value_json.gone | float(0) }}", None),
    ("{{ value_json.s in ['ON', 'ALARM'] }}", True),
    ("{{ value_json.s not in ['ON', 'ALARM'] }}", False),
    ("{{ {0: 'OFF', 1: 'ON'}[value_json.v] }}", "OFF"),
    ("{{ {0: 'OFF', 1: 'ON'}[value_json.gone] }}", None),
    ("{{ {1: 'ON'}.get(value_json.v, 'OFF') }}", "OFF"),
    ("{{ {1: 'ON'}.get(value_json.gone, 'OFF') }}", None),
    ("{{ value_json.get('gone', 'OFF') }}", None),
    ("{{ value_json.a.b | bitwise_and(2) }}", 2),
    ("{{ value_json.a.b | bitwise_or(8) }}", 15),
    ("{{ value_json.s | replace('O', 'o') }}", "oN"),
    ("{{ value.split('.')[1] }}", "5"),
    ("{{ value_json.s.startswith('O') }}", True),
    ("{{ value_json.list | length }}", 2),
    ("{% set b = value_json.a.b %}{% set c = b + 1 %}{{ c if b == 7 else 0 }}", 8),
    ("{{ value_json.gone == 1 or value_json.s == 'ON' }}", True),
    ("{{ value_json.gone == 1 or value_json.s == 'OFF' }}", None),
    ("{{ value_json.gone == 1 and value_json.s == 'OFF' }}", False),
    ("{{ not value_json.gone }}", None),
    ("{% if value_json.x > 30 %}ON{% endif %}{% if value_json.x < 30 %}OFF{% endif %}", "OFF"),
    ("{{ value_json.x | float }}", 21.5),
    ("{{ value_json.n | int }}", 12),
    ("{{ value_json.x | round }}", 22),
    ("{{ value_json.x | float | round(1) }}", 21.5),
    ("{{ value | float }}", 3.5),
    ("{{ float(value) * 99 + 1 }}", 347.5),
    ("{{ (float(value | float) * 3.6) | round(2) }}", 12.6),
    ("{{ value_json.x - 1.5 }}", 20.0),
    ("{{ -value_json.v }}", 0),
    ("{{ 'on' if value_json.t else 'off' }}", "on"),
    ("{{ 'online' if value_json.a.b == 7 else 'offline' }}", "online"),
    ("{{ value_json.s == 'ON' and not value_json.gone }}", None),
    ("{{ value_json.s == 'ON' and not value_json.v }}", True),
    ("{{ value_json.x > 20 or value_json.x < 0 }}", True),
    ("{{ 'N' in value_json.s }}", True),
    ("{{ value_json.gone is defined }}", False),
    ("{{ value_json.x is not defined }}", False),
    ("{{ value_json.get('x') }}", 21.5),
    ("{{ value_json.s.lower() }}", "on"),
    ("{{ value_json.s | lower | upper }}", "ON"),
    ("{{ iif(value_json.t, 'a', 'b') }}", "a"),
    ("{% if value_json.s == 'ON' %}1{% else %}0{% endif %}", "1"),
    ("{% if value_json.x > 30 %} hot {% elif value_json.x > 20 %} warm {% else %} cold {% endif %}", "warm"),
    ("{%- if value_json.gone -%} x {%- endif -%}", None),
    ("state: {{ value_json.s }}", "state:ON"),
]


@pytest.mark.parametrize(("source", "value"), VALUES, ids=[source for source, _ in VALUES])
def test_value(source: str, value: Any) -> None:
    assert evaluated(source, "3.5", SAID) == value


UNKNOWN = [
    "{{ states('sensor.x') }}",
    "{{ value_json.x | timestamp_custom('%H') }}",
    "{{ value_json.x ** 9 }}",
    "{{ value_json.__class__() }}",
    "{{ value_json.x.format() }}",
    "{% for a in value_json %}{{ a }}{% endfor %}",
    "{% if value_json.x %}{% set a = 1 %}{% endif %}{{ a }}",
    "{% set a = a %}{{ a }}",
    "{% set a = value_json.x %}" + "{% set a = a + a %}" * 12 + "{{ a }}",
    "{% if value_json.x %}1",
    "{% endif %}",
    "{{ value_json[ }}",
    "{{ }}",
    "{{ 1 2 }}",
    "{{ " + "(" * 600 + "1" + ")" * 600 + " }}",
    "{{ " + "(" * 100 + "1" + ")" * 100 + " }}",
    "{{ " + "1+" * 900 + "1 }}",
    "{{ value_json" + ".a" * 300 + " }}",
    "{% if value %}" * 40 + "1" + "{% endif %}" * 40,
    "x" * 3000,
]


@pytest.mark.parametrize("source", UNKNOWN, ids=lambda source: source[:40])
def test_what_is_not_understood_is_refused_when_announced(source: str) -> None:
    with pytest.raises(DecodeError, match="value_template: expected"):
        parsed(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ value_json.s * 1000000000 }}",
        "{{ value_json.s | float }}",
        "{{ value_json.x / value_json.v }}",
        "{{ value_json.s < 3 }}",
        "{{ value_json.list | round }}",
        "{{ value_json.big * 2 }}",
        "{{ 2 * value_json.big }}",
    ],
)
def test_a_payload_that_it_cannot_be_applied_to(source: str) -> None:
    with pytest.raises(DecodeError, match="value_template: expected a payload"):
        evaluated(source, "x", {**SAID, "big": 10**40})


def test_simple_paths() -> None:
    assert simple_path('{{ value_json["a"].b }}') == ("a", "b")
    assert simple_path('{{ value_json.b | default("") }}') == ("b",)
    assert simple_path("{{ value_json.list[0] }}") is None
    assert simple_path("{{ value_json.x | float }}") is None
    assert last_key('{% if value_json["tamperStatus"] is equalto "tamper" %} ON {% else %} OFF {% endif %}') == (
        "tamperStatus"
    )
