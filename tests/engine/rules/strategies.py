"""Random rules and random rows: every operator and function, nested, over every kind, with NULLs and extremes."""

from __future__ import annotations

from functools import cache

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
    names = [
        name
        for name, feature in CATALOGUE.items()
        if feature.kind == kind or (kind, feature.kind) == ("number", "integer")
    ]
    return st.sampled_from([n.FeatureRef(name, kind, integer=KINDS[name] == "integer") for name in names])


@cache
def leaves(kind: str):
    return st.one_of(features(kind), features(kind), constants(kind))


def cases(kind: str, deeper):
    result = deeper(kind)
    searched = st.lists(st.tuples(deeper("boolean") | st.just(NULL), result | st.just(NULL)), max_size=2)

    def finish(branches, first, otherwise):
        return n.Case(None, (first, *branches), otherwise, kind)

    by_condition = st.builds(finish, searched, st.tuples(deeper("boolean"), result), result | st.just(NULL))
    by_value = st.sampled_from(["number", "text", "boolean"]).flatmap(lambda of: valued_cases(kind, of, deeper))
    return by_condition | by_value


def valued_cases(kind: str, of: str, deeper):
    def build(operand, branches, otherwise):
        return n.Case(operand, tuple(branches), otherwise, kind)

    operands = leaves(of) | (calls("LOWER", deeper=leaves) if of == "text" else leaves(of))
    branches = st.lists(st.tuples(deeper(of), deeper(kind)), min_size=1, max_size=3)
    return st.builds(build, operands, branches, deeper(kind) | st.just(NULL))


def calls(name: str, deeper, kind: str | None = None):
    function = FUNCTIONS[name]
    takes, gives = function.takes or kind, function.gives or kind
    if name == "ROUND":
        digits = st.integers(-10, 10).map(lambda digits: n.Const(float(digits), "number"))
        arguments = st.tuples(deeper(takes)) | st.tuples(deeper(takes), digits)
    else:
        most = min(function.most, 3)
        arguments = st.lists(deeper(takes), min_size=function.fewest, max_size=most).map(tuple)
    return st.builds(lambda found: n.Call(name, found, gives), arguments)


def coalesced(kind: str, deeper):
    def build(arguments, last):
        return n.Call("COALESCE", (*arguments, last), kind)

    return st.builds(build, st.lists(deeper(kind) | st.just(NULL), max_size=2), deeper(kind))


def numbers(deeper):
    signs = st.sampled_from(["+", "-", "*", "/", "%"])
    names = [name for name, function in FUNCTIONS.items() if function.gives == "number" and function.takes == "number"]

    def negative(item):
        return n.Const(positive_zero(-item.value), "number") if isinstance(item, n.Const) else n.Negative(item)

    return st.one_of(
        st.builds(n.Arithmetic, signs, deeper("number"), deeper("number")),
        st.builds(n.Arithmetic, signs, deeper("number"), deeper("number")),
        deeper("number").map(negative),
        st.sampled_from(names).flatmap(lambda name: calls(name, deeper)),
        calls("LENGTH", deeper),
    )


def texts(deeper):
    return st.sampled_from(["LOWER", "UPPER"]).flatmap(lambda name: calls(name, deeper))


def patterns():
    pieces = st.sampled_from(["%", "_", "%%", "a", "FR", "é", "'", ".", "*", "\\", "[", "日"])
    return st.lists(pieces, max_size=6).map("".join).map(lambda text: n.Const(text, "text"))


def compared(deeper):
    ordered = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
    of = st.sampled_from(["number", "number", "text"])
    plain = of.flatmap(lambda kind: st.builds(n.Compare, ordered, deeper(kind), deeper(kind)))
    booleans = st.builds(n.Compare, st.sampled_from(["=", "<>"]), deeper("boolean"), deeper("boolean"))
    between = of.flatmap(lambda kind: st.builds(n.Between, deeper(kind), deeper(kind), deeper(kind)))
    return st.one_of(plain, plain, booleans, between)


def members(deeper):
    def among(kind):
        values = st.lists(constants(kind) | st.just(NULL), min_size=1, max_size=4).map(tuple)
        return st.builds(n.In, deeper(kind), values)

    return st.one_of(
        st.sampled_from(["number", "text", "boolean"]).flatmap(among),
        st.builds(n.InList, deeper("text"), st.sampled_from(LIST_NAMES)),
        st.sampled_from(LIST_NAMES).map(n.OnList),
        st.builds(n.Like, deeper("text"), patterns()),
        st.sampled_from(["number", "text", "boolean"]).flatmap(lambda kind: deeper(kind).map(n.IsNull)),
        calls("STARTS_WITH", deeper),
    )


def _flat(kind, items):
    """The parser joins a chain of one operator into one node."""
    return kind(tuple(part for item in items for part in (item.items if isinstance(item, kind) else (item,))))


def logic(deeper):
    several = st.lists(deeper("boolean") | st.just(NULL), min_size=2, max_size=4)
    return st.one_of(
        several.map(lambda items: _flat(n.And, items)),
        several.map(lambda items: _flat(n.Or, items)),
        (deeper("boolean") | st.just(NULL)).map(n.Not),
    )


@cache  # or each draw would build the strategies anew, which takes far longer than the test
def expressions(kind: str = "boolean", depth: int = 4):
    if depth == 0:
        return leaves(kind)

    def deeper(of: str):
        return st.deferred(lambda: expressions(of, depth - 1))

    own = {"number": [numbers], "text": [texts], "boolean": [logic, compared, members]}[kind]
    return st.one_of(
        leaves(kind),
        *(make(deeper) for make in own),
        *(make(deeper) for make in own),
        cases(kind, deeper),
        coalesced(kind, deeper),
    )


rules = expressions().map(n.Expression)
