"""A tree to a Polars expression, for judging a history at once. Polars has the same three values: NULL stays NULL.

Each part is named once in what comes out. Where Polars would need it twice (is this quotient finite? then this
quotient), the part becomes one step over the column, or nested ones would double the expression at each level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from operator import add, eq, ge, gt, le, lt, mul, ne, sub, truediv
from typing import TYPE_CHECKING, Any, Final

from apps.fraud.engine.rules import columns, like, limits
from apps.fraud.engine.rules import nodes as n
from apps.fraud.engine.rules.functions import FUNCTIONS
from apps.fraud.engine.rules.python_compile import NO_LISTS, compile_value
from apps.fraud.engine.rules.walk import walk

if TYPE_CHECKING:
    import polars as pl

COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {"=": eq, "<>": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
CALCULATE: Final[dict[str, Callable[[Any, Any], Any]]] = {"+": add, "-": sub, "*": mul, "/": truediv}
LIST_COLUMN: Final = "list:"
"""A boolean column so prefixed says whether the payment was on the list."""


def compile_polars(
    expression: n.Expression,
    members: Mapping[str, AbstractSet[str]] | None = None,
    hits: Mapping[str, pl.Expr] | None = None,
) -> pl.Expr:
    """A boolean column without NULLs, as long as the frame.

    `members`: the texts of the lists that features are looked up in. `hits`: for `list('name')`, an expression that is
    true where the payment was on it; without one, the column `list:name`.
    """
    import polars as pl

    result = _Columns(members or {}, hits or {}).build(expression.root).fill_null(False)
    # Polars may find that no row changes the answer, and then give one value instead of a column. This keeps it long.
    return pl.when(pl.int_range(pl.len()) >= 0).then(result).otherwise(False)


@dataclass(slots=True)
class _Columns:
    members: Mapping[str, AbstractSet[str]]
    hits: Mapping[str, pl.Expr]
    pl: Any = field(init=False)

    def __post_init__(self) -> None:
        import polars

        self.pl = polars

    def build(self, node: n.Node) -> pl.Expr:
        built: pl.Expr = BUILD[type(node)](self, node)
        return built

    def literal(self, value: n.Constant, kind: n.Type) -> pl.Expr:
        types = {"number": self.pl.Float64, "text": self.pl.String, "boolean": self.pl.Boolean, "null": self.pl.Null}
        found: pl.Expr = self.pl.lit(value, dtype=types[kind])
        return found

    def constant(self, node: n.Const) -> pl.Expr:
        return self.literal(node.value, node.type)

    def feature(self, node: n.FeatureRef) -> pl.Expr:
        pl, column = self.pl, self.pl.col(node.name)
        if node.type == "text":
            return column.cast(pl.String)
        if node.type == "boolean":
            return column.cast(pl.Boolean)
        number = column.cast(pl.Float64)
        # Before the cast: 2^53 + 1 would become 2^53, and pass.
        sound = column.is_between(-limits.INTEGER, limits.INTEGER) if node.integer else number.is_finite()
        return pl.when(sound).then(number)

    def settled(self, node: n.Node) -> pl.Expr | None:
        """The value of a part that no row can change. As a column step it would be one value long."""
        if any(isinstance(part, n.FeatureRef | n.OnList | n.InList) for part in walk(node)):
            return None
        value = compile_value(node, {})((), NO_LISTS)
        return self.literal(float(value) if node.type == "number" and value is not None else value, node.type)

    def arithmetic(self, node: n.Arithmetic) -> pl.Expr:
        if (known := self.settled(node)) is not None:
            return known
        sides = [self.build(node.left), self.build(node.right)]
        if node.sign == "%":
            return columns.step(columns.modulo, sides)
        return columns.step(columns.finite, [CALCULATE[node.sign](*sides)])

    def call(self, node: n.Call) -> pl.Expr:
        if (known := self.settled(node)) is not None:
            return known
        constants = [part.value if isinstance(part, n.Const) else None for part in node.arguments]
        return FUNCTIONS[node.function].polars([self.build(part) for part in node.arguments], constants)

    def compare(self, node: n.Compare) -> pl.Expr:
        compared: pl.Expr = COMPARE[node.sign](self.build(node.left), self.build(node.right))
        return compared

    def conditions(self, items: Sequence[n.Node]) -> list[pl.Expr]:
        return [self.build(n.Const(None, "boolean") if item.type == "null" else item) for item in items]

    def joined_and(self, node: n.And) -> pl.Expr:
        found: pl.Expr = self.pl.all_horizontal(self.conditions(node.items))
        return found

    def joined_or(self, node: n.Or) -> pl.Expr:
        found: pl.Expr = self.pl.any_horizontal(self.conditions(node.items))
        return found

    def inverted(self, node: n.Not) -> pl.Expr:
        return ~self.conditions([node.item])[0]

    def negative(self, node: n.Negative) -> pl.Expr:
        return -self.build(node.item)

    def among(self, item: pl.Expr, values: Sequence[n.Constant]) -> pl.Expr:
        """An empty collection has no type, so Polars is not asked."""
        return item.is_in(values) if values else self.pl.when(item.is_not_null()).then(False)

    def member(self, node: n.In) -> pl.Expr:
        kept = [value.value for value in node.values if value.value is not None]
        found = self.among(self.build(node.item), kept)
        if len(kept) == len(node.values):
            return found
        return self.pl.when(found).then(True)

    def on_member_list(self, node: n.InList) -> pl.Expr:
        return self.among(self.build(node.item), sorted(self.members.get(node.list_name, ())))

    def on_list(self, node: n.OnList) -> pl.Expr:
        given = self.hits.get(node.list_name)
        column: pl.Expr = self.pl.col(LIST_COLUMN + node.list_name) if given is None else given
        return column.fill_null(False)

    def between(self, node: n.Between) -> pl.Expr:
        return self.build(node.item).is_between(self.build(node.low), self.build(node.high))

    def like(self, node: n.Like) -> pl.Expr:
        found, item = like.pattern(str(node.pattern.value)), self.build(node.item)
        if found.shape == "equal":
            return item == found.text
        if found.shape == "starts":
            return item.str.starts_with(found.text)
        if found.shape == "ends":
            return item.str.ends_with(found.text)
        if found.shape == "contains":
            return item.str.contains(found.text, literal=True)
        return item.str.contains(like.rust_regex(found.text))

    def is_null(self, node: n.IsNull) -> pl.Expr:
        return self.build(node.item).is_null()

    def case(self, node: n.Case) -> pl.Expr:
        chain: Any = self.pl
        for when, result in node.branches:
            test = (
                self.conditions([when])[0] if node.operand is None else self.compare(n.Compare("=", node.operand, when))
            )
            chain = chain.when(test).then(self.result(result, node.type))
        return chain.otherwise(self.result(node.otherwise, node.type))

    def result(self, node: n.Node, kind: n.Type) -> pl.Expr:
        return self.literal(None, kind) if node.type == "null" else self.build(node)


BUILD: Final[dict[type, Callable[[_Columns, Any], Any]]] = {
    n.Const: _Columns.constant,
    n.FeatureRef: _Columns.feature,
    n.Negative: _Columns.negative,
    n.Arithmetic: _Columns.arithmetic,
    n.Compare: _Columns.compare,
    n.And: _Columns.joined_and,
    n.Or: _Columns.joined_or,
    n.Not: _Columns.inverted,
    n.In: _Columns.member,
    n.InList: _Columns.on_member_list,
    n.OnList: _Columns.on_list,
    n.Between: _Columns.between,
    n.Like: _Columns.like,
    n.IsNull: _Columns.is_null,
    n.Case: _Columns.case,
    n.Call: _Columns.call,
}
