"""A tree to Python source, in three ways: definitely TRUE, definitely FALSE, and the value or None.

A rule asks only whether it is TRUE. NOT turns that question into "is it FALSE?", so most of a rule never handles NULL
as an object. Each way writes each part once, so the source is no longer than the tree. Constants travel beside it
under made-up names: no text of a rule is ever in the source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from apps.fraud.engine.rules import like, limits
from apps.fraud.engine.rules import nodes as n
from apps.fraud.engine.rules.arithmetic import modulo
from apps.fraud.engine.rules.functions import FUNCTIONS

Mode = Literal["true", "false", "value"]
SIGN: Final = {"=": "==", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(frozen=True, slots=True)
class Code:
    """Source of a value. `plain` is one name: cheap to repeat. `floats`: surely a float, if it is a number."""

    source: str
    nullable: bool = True
    plain: bool = False
    floats: bool = False


@dataclass(frozen=True, slots=True)
class Operand:
    """A value made safe to use twice: `missing` and `present` test it (and compute it), then `name` stands for it."""

    name: str
    missing: str
    present: str


@dataclass(slots=True)
class Writer:
    constants: dict[str, object] = field(default_factory=dict)
    loads: dict[str, tuple[str, n.FeatureRef]] = field(default_factory=dict)
    temporaries: int = 0
    uses_lists: bool = False

    def constant(self, value: object) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    def temporary(self) -> str:
        self.temporaries += 1
        return f"t{self.temporaries}"

    def feature(self, node: n.FeatureRef) -> str:
        return self.loads.setdefault(node.name, (f"v{len(self.loads)}", node))[0]

    def operand(self, code: Code) -> Operand:
        if not code.nullable:
            return Operand(code.source, "", "")
        if code.plain:
            return Operand(code.source, f"{code.source} is None", f"{code.source} is not None")
        name = self.temporary()
        assigned = f"({name} := {code.source})"
        return Operand(name, f"{assigned} is None", f"{assigned} is not None")

    # Numbers, texts, and conditions as objects

    def value(self, node: n.Node) -> Code:
        match node:
            case n.Const():
                if node.value is None:
                    return Code("None", plain=True, floats=True)
                return Code(self.constant(node.value), nullable=False, plain=True, floats=True)
            case n.FeatureRef():
                return Code(self.feature(node), plain=True)
            case n.Negative():
                return self._negative(node)
            case n.Arithmetic():
                return self._arithmetic(node)
            case n.Case():
                floats = all(self._floats(result) for result in (*(b[1] for b in node.branches), node.otherwise))
                return Code(self._case(node, "value"), floats=floats)
            case n.Call():
                return self._call(node)
            case _:
                return Code(self.condition(node, "value"))

    def _floats(self, node: n.Node) -> bool:
        """Asked of a case's results before they are written: only what is surely a float by its kind."""
        return isinstance(node, n.Const | n.Arithmetic)

    def _negative(self, node: n.Negative) -> Code:
        code = self.value(node.item)
        item = self.operand(code)
        minus = f"-{item.name}"
        source = f"(None if {item.missing} else {minus})" if code.nullable else f"({minus})"
        return Code(source, nullable=code.nullable, floats=code.floats)

    def _arithmetic(self, node: n.Arithmetic) -> Code:
        """Integers become floats first, so that no sum is more exact here than in a column of float64."""
        codes = self.value(node.left), self.value(node.right)
        left, right = (self.operand(code) for code in codes)
        checks = [part.present for part in (left, right) if part.present]
        if node.sign == "%":
            call = f"{self.constant(modulo)}({left.name}, {right.name})"
            return Code(f"({call} if {' and '.join(checks)} else None)" if checks else call, floats=True)
        if node.sign == "/":
            checks.append(f"{right.name} != {self.constant(0.0)}")
        first = left.name if codes[0].floats or codes[1].floats else f"{self.constant(1.0)} * {left.name}"
        name = self.temporary()
        largest = self.constant(limits.FLOAT)
        checks.append(f"-{largest} <= ({name} := {first} {node.sign} {right.name}) <= {largest}")
        return Code(f"({name} if {' and '.join(checks)} else None)", floats=True)

    def _call(self, node: n.Call) -> Code:
        function = FUNCTIONS[node.function]
        codes = [self.value(argument) for argument in node.arguments]
        if node.function == "COALESCE":
            return Code(self._coalesce(codes), nullable=codes[-1].nullable, floats=all(code.floats for code in codes))
        python = self.constant(function.python)
        if not function.strict:
            return Code(f"{python}({', '.join(code.source for code in codes)})")
        operands = [self.operand(code) for code in codes]
        call = f"{python}({', '.join(operand.name for operand in operands)})"
        checks = [operand.missing for operand in operands if operand.missing]
        source = f"(None if {' or '.join(checks)} else {call})" if checks else call
        return Code(source, nullable=bool(checks) or function.partial, floats=function.floats)

    def _coalesce(self, codes: Sequence[Code]) -> str:
        parts: list[str] = []
        for code in codes[:-1]:
            if not code.nullable:
                return f"({' '.join([*parts, code.source])})"
            operand = self.operand(code)
            parts.append(f"{operand.name} if {operand.present} else")
        return f"({' '.join([*parts, codes[-1].source])})"

    # Conditions

    def condition(self, node: n.Node, mode: Mode) -> str:  # noqa: C901  # one line a kind of node
        match node:
            case n.Const():
                return self._known(node.value, mode)
            case n.FeatureRef():
                name = self.feature(node)
                return name if mode == "value" else f"{name} is {mode.capitalize()}"
            case n.And():
                return self._joined(node.items, mode, stop="false")
            case n.Or():
                return self._joined(node.items, mode, stop="true")
            case n.Not():
                return self._not(node.item, mode)
            case n.Compare():
                return self._compare(node.sign, self.value(node.left), self.value(node.right), mode)
            case n.Between():
                return self._between(node, mode)
            case n.Case():
                return self._case(node, mode)
            case n.IsNull():
                return self._is_null(node, mode)
            case n.Call():
                source = self.value(node).source
                return source if mode == "value" else f"{source} is {mode.capitalize()}"
            case n.OnList():
                return self._on_list(node, mode)
            case n.In() | n.InList() | n.Like():
                return self._member(node, mode)
        raise TypeError(type(node).__name__)

    def _known(self, value: n.Constant, mode: Mode) -> str:
        return str(value) if mode == "value" else str(str(value).lower() == mode)

    def _joined(self, items: Sequence[n.Node], mode: Mode, stop: Literal["true", "false"]) -> str:
        """`stop` is the answer that settles it, whatever the others say: FALSE for AND, TRUE for OR."""
        if mode != "value":
            return "(" + (" or " if mode == stop else " and ").join(self.condition(item, mode) for item in items) + ")"
        names = [self.temporary() for _ in items]
        settled = stop.capitalize()
        tests = [
            f"({name} := {self.condition(item, 'value')}) is {settled}" for name, item in zip(names, items, strict=True)
        ]
        unknown = " or ".join(f"{name} is None" for name in names)
        return (
            f"({settled} if {' or '.join(tests)} else None if {unknown} else {'True' if stop == 'false' else 'False'})"
        )

    def _not(self, item: n.Node, mode: Mode) -> str:
        if mode != "value":
            return self.condition(item, "false" if mode == "true" else "true")
        name = self.temporary()
        return f"(None if ({name} := {self.condition(item, 'value')}) is None else not {name})"

    def _compare(self, sign: str, left: Code, right: Code, mode: Mode) -> str:
        test = OPPOSITE[SIGN[sign]] if mode == "false" else SIGN[sign]
        if mode != "value" and test == "==" and not (left.nullable and right.nullable):
            return f"{left.source} == {right.source}"  # None equals nothing that is not None
        one, other = self.operand(left), self.operand(right)
        compared = f"{one.name} {test} {other.name}"
        if mode != "value":
            return "(" + " and ".join(part for part in (one.present, other.present, compared) if part) + ")"
        missing = " or ".join(part for part in (one.missing, other.missing) if part)
        return f"(None if {missing} else {compared})" if missing else f"({compared})"

    def _guarded(self, item: Operand, mode: Mode, source: str) -> str:
        if not item.missing:
            return f"({source})"
        return f"(None if {item.missing} else {source})" if mode == "value" else f"({item.present} and {source})"

    def _between(self, node: n.Between, mode: Mode) -> str:
        item = self.operand(self.value(node.item))
        known = Code(item.name, nullable=False, plain=True, floats=True)
        low = self._compare(">=", known, self.value(node.low), mode)
        high = self._compare("<=", known, self.value(node.high), mode)
        if mode != "value":
            return self._guarded(item, mode, f"({low} {'and' if mode == 'true' else 'or'} {high})")
        a, b = self.temporary(), self.temporary()
        unknown = f"None if {a} is None or {b} is None else True"
        both = f"(False if ({a} := {low}) is False or ({b} := {high}) is False else {unknown})"
        return self._guarded(item, mode, both)

    def _is_null(self, node: n.IsNull, mode: Mode) -> str:
        code = self.value(node.item)
        if not code.nullable:
            return self._known(False, mode)
        return f"({code.source} is {'not None' if mode == 'false' else 'None'})"

    def _on_list(self, node: n.OnList, mode: Mode) -> str:
        self.uses_lists = True
        return f"({self.constant(node.list_name)} {'not in' if mode == 'false' else 'in'} hits)"

    def _member(self, node: n.In | n.InList | n.Like, mode: Mode) -> str:
        item = self.operand(self.value(node.item))
        found, has_null = self._found(node, item.name), False
        if isinstance(node, n.In):
            has_null = any(value.value is None for value in node.values)
        if mode == "true":
            return self._guarded(item, mode, found)
        if mode == "false":
            return "False" if has_null else self._guarded(item, mode, f"not {found}")
        return self._guarded(item, mode, f"({found} or None)" if has_null else found)

    def _found(self, node: n.In | n.InList | n.Like, name: str) -> str:
        if isinstance(node, n.In):
            kept = frozenset(value.value for value in node.values if value.value is not None)
            return f"({name} in {self.constant(kept)})"
        if isinstance(node, n.InList):
            self.uses_lists = True
            key = self.constant(node.list_name)
            return f"({key} in members and {name} in members[{key}])"
        return self._like(like.pattern(str(node.pattern.value)), name)

    def _like(self, pattern: like.Pattern, name: str) -> str:
        size = len(pattern.text)
        if pattern.shape == "pattern":
            return f"({self.constant(like.python_matcher(pattern.text))}({name}) is not None)"
        text = self.constant(pattern.text)
        if pattern.shape == "contains":
            return f"({text} in {name})"
        part = {"equal": "", "starts": f"[:{size}]", "ends": f"[-{size}:]"}[pattern.shape]
        return f"({name}{part} == {text})"

    def _case(self, node: n.Case, mode: Mode) -> str:
        operand = None if node.operand is None else self.value(node.operand)
        first = operand
        if operand is not None and not operand.plain:  # computed in the first test, then read
            name = self.temporary()
            first, operand = Code(f"({name} := {operand.source})"), Code(name, plain=True)
        parts = []
        for when, then in node.branches:
            if first is None:
                test = self.condition(when, "true")
            else:
                test = self._compare("=", first, self.value(when), "true")
            parts.append(f"{self._result(then, mode)} if {test} else")
            first = operand
        return f"({' '.join(parts)} {self._result(node.otherwise, mode)})"

    def _result(self, node: n.Node, mode: Mode) -> str:
        return self.value(node).source if mode == "value" else self.condition(node, mode)
