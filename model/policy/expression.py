"""The one expression language of policies: conditions at a node, programmes at the coordinator.

or, and, not, comparisons, + - *, parentheses, whole numbers, names. No calls, no attributes, no
eval; length, tokens and depth are bounded. Units are checked before anything is computed.
Three-valued (Kleene): None is "not known".
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from model.money import Unit
from model.policy.errors import ExpressionError

MAX_CHARS = 1000
MAX_TOKENS = 200
MAX_DEPTH = 20
MAX_NUMBER_DIGITS = 15

RESERVED = frozenset({"and", "or", "not", "true", "false", "members"})
TRUTH = "truth"
"""The kind of a name or expression that is true or false; all other kinds are base units."""

_TOKEN = re.compile(r"[ \t\r\n]*(?:([0-9]+)|([a-z][a-z0-9_]*)|(<=|>=|==|!=|[<>+*()\-]))", re.ASCII)
_COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARITHMETIC: Mapping[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


@dataclass(frozen=True)
class Number:
    """A whole number without a unit."""

    value: int


@dataclass(frozen=True)
class Name:
    """A measure, parameter, rule or ``members``."""

    name: str


@dataclass(frozen=True)
class Not:
    """Negation."""

    item: "Node"


@dataclass(frozen=True)
class Junction:
    """``and`` or ``or`` over two or more items."""

    word: str
    items: tuple["Node", ...]


@dataclass(frozen=True)
class Binary:
    """A comparison, sum, difference or product."""

    sign: str
    left: "Node"
    right: "Node"


Node = Number | Name | Not | Junction | Binary
Value = bool | int | None


def parse(text: str) -> Node:
    """Return the syntax tree. Raises ExpressionError with the position of the first fault."""
    if len(text) > MAX_CHARS:
        raise ExpressionError(f"expression of {len(text)} characters; at most {MAX_CHARS}")
    return _Parser(list(_tokens(text))).whole()


def names(node: Node) -> frozenset[str]:
    """All names that the expression mentions."""
    if isinstance(node, Name):
        return frozenset({node.name})
    return frozenset().union(*(names(child) for child in _children(node)))


def is_boolean_of_names(node: Node) -> bool:
    """Whether the expression is made of and, or, not and names alone, as a programme must be."""
    if isinstance(node, Number | Binary):
        return False
    return all(is_boolean_of_names(child) for child in _children(node))


def kind_of(node: Node, kinds: Mapping[str, str]) -> str:
    """Return TRUTH or the base unit of the expression; every name must stand in ``kinds``.

    Raises:
        ExpressionError: units that differ in a sum or comparison, a product of two amounts,
            a truth value where a number is needed, or the other way round.
    """
    if isinstance(node, Number):
        return Unit.COUNT
    if isinstance(node, Name):
        return kinds[node.name]
    inner = [kind_of(child, kinds) for child in _children(node)]
    if isinstance(node, Binary):
        return _kind_of_binary(node.sign, inner[0], inner[1])
    if any(kind != TRUTH for kind in inner):
        raise ExpressionError('"and", "or" and "not" join comparisons, not numbers')
    return TRUTH


def evaluate(node: Node, values: Mapping[str, Value]) -> Value:
    """Compute a checked expression. Names may be None, "not known", only where they are truths."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Name):
        return values[node.name]
    if isinstance(node, Not):
        item = evaluate(node.item, values)
        return None if item is None else not item
    if isinstance(node, Junction):
        return _junction(node, values)
    left, right = evaluate(node.left, values), evaluate(node.right, values)
    if left is None or right is None:
        raise ExpressionError("a number that is not known cannot be computed with")
    if node.sign in _COMPARE:
        return _COMPARE[node.sign](left, right)
    return _ARITHMETIC[node.sign](left, right)


def _junction(node: Junction, values: Mapping[str, Value]) -> Value:
    decisive = node.word == "or"
    found = [evaluate(item, values) for item in node.items]
    if any(item is decisive for item in found):
        return decisive
    return None if None in found else not decisive


def _kind_of_binary(sign: str, left: str, right: str) -> str:
    if TRUTH in (left, right):
        raise ExpressionError(f'"{sign}" stands between numbers, not between comparisons')
    if sign == "*":
        if Unit.COUNT not in (left, right):
            raise ExpressionError(f"{left} cannot be multiplied by {right}")
        return right if left == Unit.COUNT else left
    if left != right:
        raise ExpressionError(f'"{sign}" stands between {left} and {right}: units differ')
    return TRUTH if sign in _COMPARE else left


def _children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Not):
        return (node.item,)
    if isinstance(node, Junction):
        return node.items
    return (node.left, node.right) if isinstance(node, Binary) else ()


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    position, count = 0, 0
    end = len(text.rstrip(" \t\r\n"))
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionError(f"column {position + 1}: {text[position:][:10]!r} not understood")
        count += 1
        if count > MAX_TOKENS:
            raise ExpressionError(f"more than {MAX_TOKENS} words and signs")
        position = match.end()
        token = match[match.lastindex or 0]
        yield token, position - len(token) + 1


class _Parser:
    """Recursive descent; every nesting counts towards MAX_DEPTH."""

    def __init__(self, tokens: list[tuple[str, int]]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._or()
        if self._next < len(self._tokens):
            token, column = self._tokens[self._next]
            raise ExpressionError(f'column {column}: "{token}" is not expected here')
        return node

    def _peek(self) -> str:
        return self._tokens[self._next][0] if self._next < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str | None:
        token = self._peek()
        if not token or token not in wanted:
            return None
        self._next += 1
        return token

    def _or(self) -> Node:
        return self._joined("or", self._and)

    def _and(self) -> Node:
        return self._joined("and", self._not)

    def _joined(self, word: str, operand: Callable[[], Node]) -> Node:
        items = [operand()]
        while self._take(word):
            items.append(operand())
        return items[0] if len(items) == 1 else Junction(word, tuple(items))

    def _not(self) -> Node:
        if self._take("not"):
            return Not(self._deeper(self._not))
        return self._comparison()

    def _comparison(self) -> Node:
        left = self._sum()
        sign = self._take(*_COMPARE)
        return Binary(sign, left, self._sum()) if sign else left

    def _sum(self) -> Node:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Node:
        return self._chain(("*",), self._primary)

    def _chain(self, signs: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        node, length = operand(), 0
        while sign := self._take(*signs):
            # A long chain leans left: it is as deep as it is long.
            length += 1
            if length > MAX_DEPTH:
                raise ExpressionError(f"more than {MAX_DEPTH} terms in a row")
            node = Binary(sign, node, operand())
        return node

    def _primary(self) -> Node:
        if self._take("("):
            node = self._deeper(self._or)
            if not self._take(")"):
                raise ExpressionError('a ")" is missing')
            return node
        token = self._peek()
        if token.isdigit():
            return self._number(token)
        if token and token[0].isalpha() and token not in RESERVED - {"members"}:
            self._next += 1
            return Name(token)
        if not token:
            raise ExpressionError("the expression ends too early")
        raise ExpressionError(f'column {self._tokens[self._next][1]}: "{token}" is not expected')

    def _number(self, token: str) -> Number:
        if len(token) > MAX_NUMBER_DIGITS:
            raise ExpressionError(f"a number of more than {MAX_NUMBER_DIGITS} digits")
        self._next += 1
        return Number(int(token))

    def _deeper(self, operand: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"nested deeper than {MAX_DEPTH}")
        node = operand()
        self._depth -= 1
        return node
