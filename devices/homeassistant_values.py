"""What a template makes of a payload. None stands for whatever is not there: the device does not know."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from devices.codec import DecodeError
from devices.homeassistant_templates import LENGTH_MAX, Node, parsed

NUMBER_MAX: Final = 1e15
"""Nothing that is measured is larger; calculating with whole numbers of any length would take its time."""

Answer = tuple[Any, bool]
"""A value (None is not known), and whether it rests on nothing but the absence of a key."""

NOT_KNOWN: Final = frozenset({"", "none", "null", "nan", "unknown", "unavailable"})
"""Words of a device that does not know its value yet."""

_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
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
    """What the template makes of a payload; None where it is not known. Raises DecodeError where it cannot."""
    return answered(source, text, said)[0]


def answered(source: str, text: str, said: Any) -> Answer:
    """The template's answer, and whether it is a fixed word that it gives because a key is not there.

    Logic has three values: what is absent or null is not known, and neither is what follows from it. A default is no
    measurement. Only a template that asks whether a key is there (`is defined`) answers from its absence.
    """
    try:
        return _value(parsed(source), text, said)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError, LookupError) as error:
        raise DecodeError("value_template", f"a payload that it can be applied to ({source})"[:160], text) from error


def _value(node: Node, text: str, said: Any) -> Answer:
    match node[0]:
        case "value":
            return node[1], False
        case "said":
            return (text if node[1] == "value" else said), False
        case "if":
            return _chosen(node, text, said)
        case "or" | "and":
            return _joined(node, text, said)
        case "not":
            value, rests = _value(node[1], text, said)
            return (None if value is None else not value), rests
        case "compare":
            return _compared(node, text, said)
        case "in":
            return _within(node, text, said)
        case "test":
            value, _ = _value(node[2], text, said)
            return _tested(node[1], value), value is None
        case "call" if node[1] == "iif":
            condition, *choices = node[2]
            branches = [*choices, *(("value", True), ("value", False))[len(choices) :]]
            return _chosen(("if", condition, branches[0], branches[1]), text, said)
        case "call" if node[1] in ("default", "d", "get"):
            return _with_default(node[1], node[2], text, said)
    parts = [_value(part, text, said) for part in _parts(node)]
    rests = any(rested for _, rested in parts)
    values = [value for value, _ in parts]
    match node[0]:
        case "item":
            return _item(values[0], values[1], fixed=not _reads(node[1])), rests
        case "arithmetic":
            return _calculated(node[1], values[0], values[1]), rests
        case "list":
            return values, rests
        case "dict":
            return dict(zip(values[::2], values[1::2], strict=True)), rests
        case "join":
            return (None if None in values else "".join(str(value) for value in values)), rests
    return _called(node[1], values), rests


def _parts(node: Node) -> Iterable[Node]:
    match node[0]:
        case "item":
            return node[1:3]
        case "arithmetic" | "call":
            return node[2:4] if node[0] == "arithmetic" else node[2]
    return tuple(node[1])


def _reads(node: Any) -> bool:
    """Whether anything of the payload is in a part of a template: what is not is fixed."""
    if not isinstance(node, tuple):
        return False
    return node[:1] == ("said",) or any(_reads(part) for part in node)


def _chosen(node: Node, text: str, said: Any) -> Answer:
    """One of two branches. Where the condition is not known they are one answer only if they agree."""
    condition, rests = _value(node[1], text, said)
    if condition is None:
        one, other = _value(node[2], text, said), _value(node[3], text, said)
        return one if one == other else (None, False)
    branch = node[2] if condition else node[3]
    value, rested = _value(branch, text, said)
    return value, rested or (rests and not _reads(branch))


def _joined(node: Node, text: str, said: Any) -> Answer:
    """`or` and `and`: the operand that decides, if one does that is known."""
    deciding = node[0] == "or"
    first = _value(node[1], text, said)
    decided = first[0] is not None and bool(first[0]) is deciding
    if decided and not first[1]:
        return first
    second = _value(node[2], text, said)
    if second[0] is not None and bool(second[0]) is deciding:
        return first if decided and second[1] else second
    if decided:
        return first
    if first[0] is None or second[0] is None:
        return None, False
    return second[0], second[1] or first[1]


def _compared(node: Node, text: str, said: Any) -> Answer:
    sign = node[1]
    (one, rested), (other, other_rested) = _value(node[2], text, said), _value(node[3], text, said)
    if sign in ("==", "!=") and ("value", None) in node[2:]:
        absent = one is None and other is None
        return absent is (sign == "=="), absent
    if one is None or other is None:
        return None, False
    return _ORDER[sign](one, other), rested or other_rested


def _within(node: Node, text: str, said: Any) -> Answer:
    """Whether something is in a text, a list or an object: an object without the key is one that does not say it."""
    (one, rested), (within, _) = _value(node[1], text, said), _value(node[2], text, said)
    if one is None or within is None:
        return None, False
    if not isinstance(within, (str, list, dict)):
        raise TypeError("in")
    found = one in within
    return found, rested or (not found and isinstance(within, dict) and _reads(node[2]))


def _with_default(name: str, given: Sequence[Node], text: str, said: Any) -> Answer:
    """A value, or what the template has in its place: another key's, but no fixed word where the key is not there."""
    value, rested = _value(given[0], text, said)
    place = 2 if name == "get" else 1
    if name == "get":
        key, _ = _value(given[1], text, said) if len(given) > 1 else (None, False)
        table = not _reads(given[0])
        value, rested = (None if table and key not in (value or {}) else _item(value, key)), False
        if value is None and table and key is not None and len(given) > 2:
            return _value(given[2], text, said)
    if value is None and len(given) > place and _reads(given[place]):
        return _value(given[place], text, said)
    return value, rested


def _item(within: Any, key: Any, *, fixed: bool = False) -> Any:
    if fixed and isinstance(within, dict):
        return None if key is None else within[key]
    if isinstance(within, dict):
        return within.get(key) if isinstance(key, str) else None
    if isinstance(within, (list, str)) and type(key) is int and -len(within) <= key < len(within):
        return within[key]
    return None


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
    if value is None or name == "is_defined":
        return value
    match name:
        case "bitwise_and" | "bitwise_or":
            if type(value) is not int or len(given) < 2 or type(given[1]) is not int:
                raise ValueError(name)
            return value & given[1] if name == "bitwise_and" else value | given[1]
        case "replace":
            if len(given) < 3 or not given[1]:
                raise ValueError(name)
            return str(value)[:LENGTH_MAX].replace(str(given[1]), str(given[2]))[:LENGTH_MAX]
        case "split":
            return str(value).split(str(given[1]) if len(given) > 1 and given[1] else None)
        case "startswith" | "endswith":
            wanted = str(given[1])
            return str(value).startswith(wanted) if name == "startswith" else str(value).endswith(wanted)
        case "length" | "count":
            return len(value)
    return _converted(name, value, given)


def _converted(name: str, value: Any, given: list[Any]) -> Any:
    match name:
        case "float" | "int":
            if isinstance(value, str) and value.strip().lower() in NOT_KNOWN:
                return None
            if isinstance(value, str) and "_" in value:
                raise ValueError(name)
            number = float(value)
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
