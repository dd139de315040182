"""The typed tree of an expression: small, immutable, compared by value. Everything after the parser works on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["number", "boolean", "text", "null"]
Constant = float | bool | str | None
ArithmeticSign = Literal["+", "-", "*", "/", "%"]
Comparison = Literal["=", "<>", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Const:
    value: Constant
    type: Type
    parameter: str | None = None


@dataclass(frozen=True, slots=True)
class FeatureRef:
    name: str
    type: Type
    integer: bool = False


@dataclass(frozen=True, slots=True)
class Negative:
    item: Node

    @property
    def type(self) -> Type:
        return "number"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    sign: ArithmeticSign
    left: Node
    right: Node

    @property
    def type(self) -> Type:
        return "number"


class Condition:
    """What is TRUE, FALSE or NULL."""

    __slots__ = ()

    @property
    def type(self) -> Type:
        return "boolean"


@dataclass(frozen=True, slots=True)
class Compare(Condition):
    sign: Comparison
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class And(Condition):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or(Condition):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not(Condition):
    item: Node


@dataclass(frozen=True, slots=True)
class In(Condition):
    item: Node
    values: tuple[Const, ...]


@dataclass(frozen=True, slots=True)
class InList(Condition):
    item: Node
    list_name: str


@dataclass(frozen=True, slots=True)
class OnList(Condition):
    list_name: str


@dataclass(frozen=True, slots=True)
class Between(Condition):
    item: Node
    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class Like(Condition):
    item: Node
    pattern: Const


@dataclass(frozen=True, slots=True)
class IsNull(Condition):
    item: Node


@dataclass(frozen=True, slots=True)
class Case:
    """With an operand each `when` is a value to compare it with; without one, a condition."""

    operand: Node | None
    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node
    type: Type


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple[Node, ...]
    type: Type


Node = (
    Const
    | FeatureRef
    | Negative
    | Arithmetic
    | Compare
    | And
    | Or
    | Not
    | In
    | InList
    | OnList
    | Between
    | Like
    | IsNull
    | Case
    | Call
)


@dataclass(frozen=True, slots=True)
class Expression:
    """A whole rule: its root is always a condition."""

    root: Node
