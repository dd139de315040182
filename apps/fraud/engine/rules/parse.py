"""The one way in: a text, what it may name, and out comes a typed tree or an error that points at the character."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from apps.fraud.engine.features.feature import Feature
from apps.fraud.engine.rules import typecheck
from apps.fraud.engine.rules.atoms import atoms
from apps.fraud.engine.rules.build import Builder
from apps.fraud.engine.rules.grammar import grammar_tree
from apps.fraud.engine.rules.lexer import lex
from apps.fraud.engine.rules.nodes import Expression
from apps.fraud.engine.rules.scan import check_nesting
from apps.fraud.engine.rules.values import Parameters, parameter_constants


def parse(
    text: str,
    catalogue: Mapping[str, Feature],
    parameters: Parameters | None = None,
    lists: Collection[str] | None = None,
) -> Expression:
    """`lists` names those that exist; without it any name will do."""
    constants = parameter_constants(parameters or {})
    lexemes = lex(text)
    check_nesting(lexemes)
    leaves = atoms(lexemes, catalogue, constants)
    tree = grammar_tree(lexemes, text)
    builder = Builder(lexemes, leaves, lists)
    root = builder.build(tree)
    typecheck.need(root, "boolean", builder.span(tree))
    return Expression(root)
