"""Names and values of a text, each looked up: the leaves of the tree, by the number of their token."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from apps.fraud.engine.features.feature import Feature
from apps.fraud.engine.rules import values
from apps.fraud.engine.rules.errors import unknown
from apps.fraud.engine.rules.functions import FUNCTIONS
from apps.fraud.engine.rules.lexer import Lexeme
from apps.fraud.engine.rules.nodes import Const, FeatureRef

WORDS = {"TRUE": Const(True, "boolean"), "FALSE": Const(False, "boolean"), "NULL": Const(None, "null")}
LIST = "LIST"
Atom = Const | FeatureRef


def atoms(
    lexemes: Sequence[Lexeme], catalogue: Mapping[str, Feature], parameters: Mapping[str, Const]
) -> dict[int, Atom]:
    found: dict[int, Atom] = {}
    for index, lexeme in enumerate(lexemes):
        if lexeme.kind == "function":
            _check_function(lexeme)
        elif (atom := _atom(lexeme, catalogue, parameters)) is not None:
            found[index] = atom
    return found


def _atom(lexeme: Lexeme, catalogue: Mapping[str, Feature], parameters: Mapping[str, Const]) -> Atom | None:
    if lexeme.kind == "word":
        return _feature(lexeme, catalogue)
    if lexeme.kind == "parameter":
        return _parameter(lexeme, parameters)
    if lexeme.kind == "number":
        return values.number(lexeme)
    if lexeme.kind == "string":
        return values.string(lexeme)
    return WORDS.get(lexeme.text.upper())


def _feature(lexeme: Lexeme, catalogue: Mapping[str, Feature]) -> FeatureRef:
    feature = catalogue.get(lexeme.text)
    if feature is None:
        raise unknown("feature", lexeme.text, catalogue, lexeme.start, len(lexeme.text))
    if feature.kind == "integer":
        return FeatureRef(feature.name, "number", integer=True)
    return FeatureRef(feature.name, feature.kind)


def _parameter(lexeme: Lexeme, parameters: Mapping[str, Const]) -> Const:
    name = lexeme.text[1:]
    if name not in parameters:
        raise unknown("parameter", name, parameters, lexeme.start, len(lexeme.text))
    return parameters[name]


def _check_function(lexeme: Lexeme) -> None:
    if lexeme.text.upper() not in FUNCTIONS and lexeme.text.upper() != LIST:
        raise unknown("function", lexeme.text, [*FUNCTIONS, LIST.lower()], lexeme.start, len(lexeme.text))


def check_list(name: str, known: Collection[str] | None, lexeme: Lexeme) -> None:
    if known is not None and name not in known:
        raise unknown("list", name, known, lexeme.start, len(lexeme.text))
