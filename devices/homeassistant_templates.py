"""The part of Jinja that devices use in Home Assistant discovery, parsed: one expression, or texts chosen by `if`.

Paths (`value_json.a["b"]`), filters (float, int, round, default, lower, upper, trim, string, bool, abs, iif,
is_defined), arithmetic, comparisons, `x if y else z` and `{% if %}`. Anything else is refused when the device
announces itself, by name. None stands for whatever is not there: the device does not know. Nothing can loop.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from devices.codec import DecodeError

LENGTH_MAX: Final = 2048
DEPTH_MAX: Final = 24
TOKENS_MAX: Final = 256
"""Longer expressions than devices announce: the tree that they make must not be too deep to walk."""

Node = tuple[Any, ...]

_BLOCK: Final = re.compile(r"\{\{-?(.*?)-?\}\}|\{%-?(.*?)-?%\}|\{#.*?#\}", re.DOTALL)
_TOKEN: Final = re.compile(
    r"\s*(?:([0-9]+\.[0-9]+|[0-9]+)|([A-Za-z_][A-Za-z0-9_]*)|'([^'\\]*)'|\"([^\"\\]*)\"|(==|!=|<=|>=|//|[-+*/%<>().,|\[\]~]))"
)
_FILTERS: Final = frozenset(
    {"float", "int", "round", "default", "d", "lower", "upper", "trim", "string", "bool", "abs", "iif", "is_defined"}
)
_FUNCTIONS: Final = frozenset({"float", "int", "bool", "iif"})
_METHODS: Final = frozenset({"get", "lower", "upper", "strip"})
COMPARISONS: Final = ("<", ">", "<=", ">=")
_TESTS: Final = frozenset({"defined", "none", "equalto", "eq", "number", "string"})
_CONSTANTS: Final[dict[str, Any]] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "none": None,
    "None": None,
}


class _Parser:
    """One expression, by recursive descent."""

    def __init__(self, source: str) -> None:
        self.source = source.strip()
        self.tokens: list[tuple[str, Any]] = []
        self.at = 0
        self.depth = 0
        position = 0
        while position < len(self.source):
            match = _TOKEN.match(self.source, position)
            if match is None or len(self.tokens) >= TOKENS_MAX:
                raise self.fault()
            number, name, single, double, sign = match.groups()
            if number is not None:
                self.tokens.append(("value", float(number) if "." in number else int(number[:15])))
            elif name is not None:
                self.tokens.append(("name", name))
            elif sign is not None:
                self.tokens.append(("sign", sign))
            else:
                self.tokens.append(("value", single if single is not None else double))
            position = match.end()

    def fault(self) -> DecodeError:
        return DecodeError("value_template", "an expression of the forms that are understood", self.source)

    def peek(self) -> tuple[str, Any]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", None)

    def take(self, kind: str, value: str) -> bool:
        if self.peek() == (kind, value):
            self.at += 1
            return True
        return False

    def expect(self, value: str) -> None:
        if not self.take("sign", value):
            raise self.fault()

    def whole(self) -> Node:
        node = self.choice()
        if self.at != len(self.tokens):
            raise self.fault()
        return node

    def choice(self) -> Node:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self.fault()
        node = self.either()
        if self.take("name", "if"):
            condition = self.either()
            otherwise: Node = self.choice() if self.take("name", "else") else ("value", None)
            node = ("if", condition, node, otherwise)
        self.depth -= 1
        return node

    def either(self) -> Node:
        node = self.both()
        while self.take("name", "or"):
            node = ("or", node, self.both())
        return node

    def both(self) -> Node:
        node = self.negation()
        while self.take("name", "and"):
            node = ("and", node, self.negation())
        return node

    def negation(self) -> Node:
        negated = False
        while self.take("name", "not"):
            negated = not negated
        node = self.comparison()
        return ("not", node) if negated else node

    def comparison(self) -> Node:
        node = self.sum()
        while True:
            kind, value = self.peek()
            if kind == "sign" and value in ("==", "!=", *COMPARISONS):
                self.at += 1
                node = ("compare", value, node, self.sum())
            elif self.take("name", "in"):
                node = ("in", node, self.sum())
            elif self.take("name", "is"):
                node = self.test(node)
            else:
                return node

    def test(self, node: Node) -> Node:
        negated = self.take("name", "not")
        kind, name = self.peek()
        if kind != "name" or name not in _TESTS:
            raise self.fault()
        self.at += 1
        if name in ("equalto", "eq"):
            tested: Node = ("compare", "==", node, self.postfix())
        else:
            tested = ("test", name, node)
        return ("not", tested) if negated else tested

    def sum(self) -> Node:
        node = self.product()
        while self.peek() in (("sign", "+"), ("sign", "-")):
            sign = self.tokens[self.at][1]
            self.at += 1
            node = ("arithmetic", sign, node, self.product())
        return node

    def product(self) -> Node:
        node = self.unary()
        while self.peek()[0] == "sign" and self.peek()[1] in ("*", "/", "//", "%"):
            sign = self.tokens[self.at][1]
            self.at += 1
            node = ("arithmetic", sign, node, self.unary())
        return node

    def unary(self) -> Node:
        if self.take("sign", "-"):
            return ("arithmetic", "-", ("value", 0), self.postfix())
        return self.postfix()

    def postfix(self) -> Node:
        node = self.atom()
        while True:
            if self.take("sign", "."):
                kind, name = self.peek()
                if kind not in ("name", "value") or isinstance(name, float):
                    raise self.fault()
                self.at += 1
                if self.peek() == ("sign", "("):
                    if name not in _METHODS:
                        raise self.fault()
                    node = ("call", name, (node, *self.arguments()))
                else:
                    node = ("item", node, ("value", name))
            elif self.take("sign", "["):
                node = ("item", node, self.choice())
                self.expect("]")
            elif self.take("sign", "|"):
                kind, name = self.peek()
                if kind != "name" or name not in _FILTERS:
                    raise self.fault()
                self.at += 1
                further = self.arguments() if self.peek() == ("sign", "(") else ()
                node = ("call", name, (node, *further))
            else:
                return node

    def arguments(self) -> tuple[Node, ...]:
        self.expect("(")
        given: list[Node] = []
        while not self.take("sign", ")"):
            given.append(self.choice())
            if self.peek() != ("sign", ")"):
                self.expect(",")
        return tuple(given)

    def atom(self) -> Node:
        kind, value = self.peek()
        self.at += 1
        if kind == "value":
            return ("value", value)
        if kind == "name":
            if value in _CONSTANTS:
                return ("value", _CONSTANTS[value])
            if value in ("value", "value_json"):
                return ("said", value)
            if value in _FUNCTIONS and self.peek() == ("sign", "("):
                return ("call", value, self.arguments())
        if (kind, value) == ("sign", "("):
            node = self.choice()
            self.expect(")")
            return node
        raise self.fault()


@lru_cache(maxsize=4096)
def parsed(source: str) -> Node:
    """The template as a tree. Raises DecodeError where it has a form that is not understood."""
    if len(source) > LENGTH_MAX:
        raise DecodeError("value_template", f"at most {LENGTH_MAX} characters", source)
    pieces: list[tuple[str, str]] = []
    end = 0
    for match in _BLOCK.finditer(source):
        pieces.append(("text", source[end : match.start()]))
        if match[1] is not None:
            pieces.append(("expression", match[1]))
        elif match[2] is not None:
            pieces.append(("statement", match[2].strip()))
        end = match.end()
    pieces.append(("text", source[end:]))
    pieces = [(kind, text) for kind, text in pieces if kind != "text" or text.strip()]
    node, rest = _sequence(pieces, 0, source, 0)
    if rest != len(pieces):
        raise DecodeError("value_template", "an if with its endif", source)
    return node


def _sequence(pieces: list[tuple[str, str]], at: int, source: str, depth: int) -> tuple[Node, int]:
    """Texts, expressions and ifs up to the end or to the enclosing if's next branch."""
    if depth > DEPTH_MAX:
        raise DecodeError("value_template", f"at most {DEPTH_MAX} levels", source)
    nodes: list[Node] = []
    while at < len(pieces):
        kind, text = pieces[at]
        if kind == "text":
            nodes.append(("value", text.strip()))
        elif kind == "expression":
            nodes.append(_Parser(text).whole())
        elif text.startswith("if "):
            node, at = _branches(pieces, at, source, depth)
            nodes.append(node)
            continue
        elif text.split(" ")[0] in ("elif", "else", "endif"):
            break
        else:
            raise DecodeError("value_template", "only if, elif, else and endif between {% %}", source)
        at += 1
    if len(nodes) == 1:
        return nodes[0], at
    return (("join", tuple(nodes)) if nodes else ("value", None)), at


def _branches(pieces: list[tuple[str, str]], at: int, source: str, depth: int) -> tuple[Node, int]:
    condition = _Parser(pieces[at][1].partition(" ")[2]).whole()
    then, at = _sequence(pieces, at + 1, source, depth + 1)
    word = pieces[at][1] if at < len(pieces) else ""
    if word.startswith("elif "):
        otherwise, at = _branches(pieces, at, source, depth + 1)
        return ("if", condition, then, otherwise), at
    otherwise = ("value", None)
    if word == "else":
        otherwise, at = _sequence(pieces, at + 1, source, depth + 1)
        word = pieces[at][1] if at < len(pieces) else ""
    if word != "endif":
        raise DecodeError("value_template", "an if with its endif", source)
    return ("if", condition, then, otherwise), at + 1
