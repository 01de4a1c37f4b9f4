"""What a template makes of a payload. None stands for whatever is not there: the device does not know."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from devices.codec import DecodeError
from devices.homeassistant_templates import Node, parsed

NUMBER_MAX: Final = 1e15
"""Nothing that is measured is larger; calculating with whole numbers of any length would take its time."""

_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def simple_path(source: str) -> tuple[str, ...] | None:
    """The keys of a template that only takes a part of `value_json`, or None: nearly all are of this form."""
    keys: list[str] = []
    node = parsed(source)
    while (
        node[0] == "call"
        and node[1] in ("is_defined", "default", "d")
        and all(further in (("value", ""), ("value", None)) for further in node[2][1:])
    ):
        node = node[2][0]
    while node[0] == "item":
        if node[2][0] != "value" or not isinstance(node[2][1], str):
            return None
        keys.append(node[2][1])
        node = node[1]
    return tuple(reversed(keys)) if node == ("said", "value_json") else None


def last_key(source: str) -> str:
    """The innermost key that the template takes from `value_json`, or ""."""
    node: Any = parsed(source)
    waiting = [node]
    while waiting:
        node = waiting.pop(0)
        if not isinstance(node, tuple):
            continue
        if len(node) == 3 and node[0] == "item" and node[2][0] == "value" and isinstance(node[2][1], str):
            return str(node[2][1])
        waiting.extend(part for part in node[1:] if isinstance(part, tuple))
    return ""


def needs_json(source: str) -> bool:
    """Whether the template reads `value_json`."""
    return "value_json" in source


def evaluated(source: str, text: str, said: Any) -> Any:
    """What the template makes of a payload; None where a part is not there. Raises DecodeError where it cannot."""
    try:
        return _value(parsed(source), text, said)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise DecodeError("value_template", f"a payload that it can be applied to ({source})"[:160], text) from error


def _value(node: Node, text: str, said: Any) -> Any:
    match node[0]:
        case "value":
            return node[1]
        case "said":
            return text if node[1] == "value" else said
        case "item":
            return _item(_value(node[1], text, said), _value(node[2], text, said))
        case "if":
            return _value(node[2] if _value(node[1], text, said) else node[3], text, said)
        case "or":
            return _value(node[1], text, said) or _value(node[2], text, said)
        case "and":
            return _value(node[1], text, said) and _value(node[2], text, said)
        case "not":
            return not _value(node[1], text, said)
        case "compare":
            return _compared(node[1], _value(node[2], text, said), _value(node[3], text, said))
        case "in":
            within = _value(node[2], text, said)
            return isinstance(within, (str, list, dict)) and _value(node[1], text, said) in within
        case "test":
            return _tested(node[1], _value(node[2], text, said))
        case "arithmetic":
            return _calculated(node[1], _value(node[2], text, said), _value(node[3], text, said))
        case "join":
            return "".join(str(_value(part, text, said)) for part in node[1])
    return _called(node[1], [_value(argument, text, said) for argument in node[2]])


def _item(within: Any, key: Any) -> Any:
    if isinstance(within, dict):
        return within.get(key) if isinstance(key, str) else None
    if isinstance(within, (list, str)) and type(key) is int and -len(within) <= key < len(within):
        return within[key]
    return None


def _compared(sign: str, one: Any, other: Any) -> bool:
    if sign == "==":
        return bool(one == other)
    if sign == "!=":
        return bool(one != other)
    return _ORDER[sign](one, other)


def _tested(name: str, value: Any) -> bool:
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if name == "string":
        return isinstance(value, str)
    return (value is None) == (name == "none")


def _calculated(sign: str, one: Any, other: Any) -> Any:
    if one is None or other is None:
        return None
    if isinstance(one, str) and isinstance(other, str) and sign == "+":
        return one + other
    if abs(one) > NUMBER_MAX or abs(other) > NUMBER_MAX:  # of anything but a number abs raises TypeError
        raise OverflowError(sign)
    return _ARITHMETIC[sign](one, other)


def _called(name: str, given: list[Any]) -> Any:
    value = given[0] if given else None
    match name:
        case "default" | "d":
            wanted = value is None or (len(given) > 2 and not value)
            return (given[1] if len(given) > 1 else "") if wanted else value
        case "iif":
            choices = [True, False] if len(given) < 2 else given[1:]
            return choices[0] if value else (choices[1] if len(choices) > 1 else False)
        case "get":
            found = _item(value, given[1] if len(given) > 1 else None)
            return given[2] if found is None and len(given) > 2 else found
    if value is None or name == "is_defined":
        return given[1] if value is None and len(given) > 1 and name in ("float", "int", "bool") else value
    return _converted(name, value, given)


def _converted(name: str, value: Any, given: list[Any]) -> Any:
    match name:
        case "float" | "int":
            try:
                number = float(value) if not isinstance(value, str) or "_" not in value else None
            except (TypeError, ValueError):
                number = None
            if number is None:
                if len(given) > 1:
                    return given[1]
                raise ValueError(name)
            return int(number) if name == "int" else number
        case "round":
            return round(float(value), int(given[1]) if len(given) > 1 and type(given[1]) is int else 0)
        case "abs":
            return abs(float(value))
        case "bool":
            return str(value).strip().lower() in ("true", "on", "1", "yes", "enable", "1.0")
        case "lower":
            return str(value).lower()
        case "upper":
            return str(value).upper()
    return str(value).strip() if name in ("trim", "strip") else str(value)
