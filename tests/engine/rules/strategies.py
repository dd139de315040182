"""Random rules and random rows: every operator and function, nested, over every kind, with NULLs and extremes."""

from __future__ import annotations

from hypothesis import strategies as st

from apps.fraud.engine.rules import nodes as n
from apps.fraud.engine.rules.functions import FUNCTIONS
from tests.engine.rules.cast import CATALOGUE, KINDS, LIST_NAMES

NULL = n.Const(None, "null")
TEXTS = [
    "",
    "FR",
    "DE",
    "fr",
    "été",
    "ÉTÉ",
    "a%b",
    "a_b",
    "日本",
    "ΟΔΟΣ",
    "ß",
    "İ",
    "o'k",
    "x\ny",
    "𝒳",
    "FRFR",
    "[a-z]*",
    "\\d",
]
NUMBERS = [
    0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.5,
    100.0,
    0.1,
    0.3,
    1e-300,
    1e300,
    1.7976931348623157e308,
    9007199254740992.0,
    1e-9,
]
text_values = st.one_of(
    st.sampled_from(TEXTS), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
)
number_values = st.one_of(
    st.sampled_from(NUMBERS), st.integers(-50, 50).map(float), st.floats(allow_nan=False, allow_infinity=False)
)
odd_floats = st.sampled_from([float("inf"), float("-inf"), float("nan"), -0.0, 5e-324, 0.49999999999999994, 2.5, -2.5])
integer_values = st.one_of(st.integers(-20, 20), st.integers(-(2**63), 2**63 - 1), st.sampled_from([2**53, 2**53 + 1]))
ROW_VALUES = {
    "number": st.one_of(number_values, odd_floats),
    "integer": integer_values,
    "boolean": st.booleans(),
    "text": text_values,
}
rows = st.tuples(*(st.none() | ROW_VALUES[kind] for kind in KINDS.values())).map(list)


def positive_zero(value: float) -> float:
    return value + 0.0  # the parser reads no -0


def constants(kind: str):
    values = {"number": number_values.map(positive_zero), "text": text_values, "boolean": st.booleans()}[kind]
    return values.map(lambda value: n.Const(value, kind))


def features(kind: str):
    kinds = ("number", "integer") if kind == "number" else (kind,)
    names = [name for name in CATALOGUE if KINDS[name] in kinds]
    return st.sampled_from([n.FeatureRef(name, kind, integer=KINDS[name] == "integer") for name in names])


KINDS_OF_VALUE = ("number", "text", "boolean")
LEAVES = {kind: st.one_of(features(kind), features(kind), constants(kind)) for kind in KINDS_OF_VALUE}
DIGITS = st.integers(-10, 10).map(lambda digits: n.Const(float(digits), "number"))
PIECES = st.sampled_from(["%", "_", "%%", "a", "FR", "é", "'", ".", "*", "\\", "[", "日"])
PATTERNS = st.lists(PIECES, max_size=6).map(lambda pieces: n.Const("".join(pieces), "text"))


class Maker:
    """Draws one tree. Plain code, because nested strategies flatten into one choice that is mostly NOT."""

    def __init__(self, draw):
        self.draw = draw

    def pick(self, *choices):
        return self.draw(st.sampled_from(choices))

    def node(self, kind: str, depth: int):
        if depth <= 0 or self.draw(st.integers(0, 5)) == 0:
            return self.draw(LEAVES[kind])
        makers = {
            "number": [self.arithmetic, self.arithmetic, self.negative, self.number_call, self.number_call],
            "text": [self.text_call],
            "boolean": [
                *(self.joined, self.joined, self.inverted, self.compared, self.compared, self.compared_booleans),
                *(self.between, self.among, self.on_list, self.like, self.is_null, self.starts),
            ],
        }[kind]
        shared = [lambda d: self.case(kind, d), lambda d: self.coalesce(kind, d)]
        return self.pick(*makers, *shared)(depth - 1)

    def maybe_null(self, kind: str, depth: int):
        return NULL if self.draw(st.integers(0, 4)) == 0 else self.node(kind, depth)

    def many(self, fewest: int, most: int):
        return range(self.draw(st.integers(fewest, most)))

    def arithmetic(self, depth):
        return n.Arithmetic(self.pick("+", "-", "*", "/", "%"), self.node("number", depth), self.node("number", depth))

    def negative(self, depth):
        item = self.node("number", depth)
        return n.Const(positive_zero(-item.value), "number") if isinstance(item, n.Const) else n.Negative(item)

    def number_call(self, depth):
        names = [name for name, function in FUNCTIONS.items() if function.gives == "number"]
        function = FUNCTIONS[self.pick(*names)]
        arguments = [self.node(function.takes, depth) for _ in self.many(function.fewest, min(function.most, 3))]
        if function.name == "ROUND" and len(arguments) > 1:
            arguments = [arguments[0], self.draw(DIGITS)]
        return n.Call(function.name, tuple(arguments), "number")

    def text_call(self, depth):
        return n.Call(self.pick("LOWER", "UPPER"), (self.node("text", depth),), "text")

    def coalesce(self, kind, depth):
        first = [self.maybe_null(kind, depth) for _ in self.many(0, 2)]
        return n.Call("COALESCE", (*first, self.node(kind, depth)), kind)

    def case(self, kind, depth):
        of, operand = "boolean", None
        if self.pick(True, False):
            of = self.pick(*KINDS_OF_VALUE)
            operand = self.draw(LEAVES[of])
            if of == "text":
                operand = self.pick(operand, n.Call("LOWER", (operand,), "text"))
        first = self.node(of, depth), self.node(kind, depth)
        others = [(self.node(of, depth), self.maybe_null(kind, depth)) for _ in self.many(0, 2)]
        return n.Case(operand, (first, *others), self.maybe_null(kind, depth), kind)

    def joined(self, depth):
        """The parser joins a chain of one operator into one node, so this does."""
        kind = self.pick(n.And, n.Or)
        items = [self.maybe_null("boolean", depth) for _ in self.many(2, 4)]
        return kind(tuple(part for item in items for part in (item.items if isinstance(item, kind) else (item,))))

    def inverted(self, depth):
        return n.Not(self.maybe_null("boolean", depth))

    def compared(self, depth):
        kind = self.pick("number", "number", "text")
        return n.Compare(self.pick("=", "<>", "<", "<=", ">", ">="), self.node(kind, depth), self.node(kind, depth))

    def compared_booleans(self, depth):
        return n.Compare(self.pick("=", "<>"), self.node("boolean", depth), self.node("boolean", depth))

    def between(self, depth):
        kind = self.pick("number", "number", "text")
        return n.Between(self.node(kind, depth), self.node(kind, depth), self.node(kind, depth))

    def among(self, depth):
        kind = self.pick(*KINDS_OF_VALUE)
        values = tuple(self.draw(constants(kind) | st.just(NULL)) for _ in self.many(1, 4))
        return n.In(self.node(kind, depth), values)

    def on_list(self, depth):
        name = self.pick(*LIST_NAMES)
        return self.pick(n.OnList(name), n.InList(self.node("text", depth), name))

    def like(self, depth):
        return n.Like(self.node("text", depth), self.draw(PATTERNS))

    def is_null(self, depth):
        return n.IsNull(self.node(self.pick(*KINDS_OF_VALUE), depth))

    def starts(self, depth):
        return n.Call("STARTS_WITH", (self.node("text", depth), self.node("text", depth)), "boolean")


@st.composite
def rules(draw, depth: int = 4):
    return n.Expression(Maker(draw).node("boolean", depth))
