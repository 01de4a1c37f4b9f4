"""The part of Jinja that devices use in Home Assistant discovery, parsed: one expression, or texts chosen by `if`.

Paths (`value_json.a["b"]`), the filters and methods of the tables below, lists, objects as tables of words, `in`,
arithmetic, comparisons, `x if y else z`, `{% set %}` and `{% if %}`. Anything else is refused when the device
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
Names = dict[str, tuple[Node, int]]

_BLOCK: Final = re.compile(r"\{\{-?(.*?)-?\}\}|\{%-?(.*?)-?%\}|\{#.*?#\}", re.DOTALL)
_SET: Final = re.compile(r"set\s+([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)", re.DOTALL)
_TOKEN: Final = re.compile(
    r"\s*(?:([0-9]+\.[0-9]+|[0-9]+)|([A-Za-z_][A-Za-z0-9_]*)|'([^'\\]*)'|\"([^\"\\]*)\"|(==|!=|<=|>=|//|[-+*/%<>().,|\[\]~{}:]))"
)
_FILTERS: Final = frozenset(
    """float int round default d lower upper trim string bool abs iif is_defined bitwise_and bitwise_or replace length
    count""".split()  # noqa: SIM905
)
_FUNCTIONS: Final = frozenset({"float", "int", "bool", "iif"})
_METHODS: Final = frozenset({"get", "lower", "upper", "strip", "replace", "split", "startswith", "endswith"})
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
    """One expression, by recursive descent. `names` are those that were set before it, with their sizes."""

    def __init__(self, source: str, names: Names) -> None:
        self.source = source.strip()
        self.names = names
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
        self.size = len(self.tokens)

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
            elif self.tokens[self.at : self.at + 2] == [("name", "not"), ("name", "in")]:
                self.at += 2
                node = ("not", ("in", node, self.sum()))
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
        return self.listed(")")

    def listed(self, end: str, between: str = "") -> tuple[Node, ...]:
        """Expressions with commas between them; with `between` they are pairs, one after the other."""
        given: list[Node] = []
        while not self.take("sign", end):
            given.append(self.choice())
            if between:
                self.expect(between)
                given.append(self.choice())
            if self.peek() != ("sign", end):
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
            if value in self.names:
                node, size = self.names[value]
                self.size += size
                if self.size > TOKENS_MAX:
                    raise self.fault()
                return node
        match (kind, value):
            case ("sign", "("):
                node = self.choice()
                self.expect(")")
                return node
            case ("sign", "["):
                return ("list", self.listed("]"))
            case ("sign", "{"):
                return ("dict", self.listed("}", ":"))
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
    node, rest = _sequence(pieces, 0, source, 0, {})
    if rest != len(pieces):
        raise DecodeError("value_template", "an if with its endif", source)
    return node


def _sequence(
    pieces: list[tuple[str, str]], at: int, source: str, depth: int, names: Names
) -> tuple[Node, int]:
    """Texts, expressions and ifs up to the end or to the enclosing if's next branch."""
    if depth > DEPTH_MAX:
        raise DecodeError("value_template", f"at most {DEPTH_MAX} levels", source)
    nodes: list[Node] = []
    while at < len(pieces):
        kind, text = pieces[at]
        if kind == "text":
            nodes.append(("value", text.strip()))
        elif kind == "expression":
            nodes.append(_Parser(text, names).whole())
        elif depth == 0 and (setting := _SET.fullmatch(text)) is not None:
            parser = _Parser(setting[2], names)
            names[setting[1]] = (parser.whole(), parser.size)
        elif text.startswith("if "):
            node, at = _branches(pieces, at, source, depth, names)
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


def _branches(
    pieces: list[tuple[str, str]], at: int, source: str, depth: int, names: Names
) -> tuple[Node, int]:
    condition = _Parser(pieces[at][1].partition(" ")[2], names).whole()
    then, at = _sequence(pieces, at + 1, source, depth + 1, names)
    word = pieces[at][1] if at < len(pieces) else ""
    if word.startswith("elif "):
        otherwise, at = _branches(pieces, at, source, depth + 1, names)
        return ("if", condition, then, otherwise), at
    otherwise = ("value", "")
    if word == "else":
        otherwise, at = _sequence(pieces, at + 1, source, depth + 1, names)
        word = pieces[at][1] if at < len(pieces) else ""
    if word != "endif":
        raise DecodeError("value_template", "an if with its endif", source)
    return ("if", condition, then, otherwise), at + 1
