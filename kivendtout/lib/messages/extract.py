"""Which texts does the project show? Python is read through its syntax tree, templates through Django's own lexer."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation.template import templatize

from kivendtout.lib.messages.catalogue import Key

# Function: the roles of its leading arguments.
SHAPES: dict[str, tuple[str, ...]] = {
    "gettext": ("msgid",),
    "gettext_lazy": ("msgid",),
    "gettext_noop": ("msgid",),
    "ngettext": ("msgid", "plural"),
    "ngettext_lazy": ("msgid", "plural"),
    "pgettext": ("context", "msgid"),
    "pgettext_lazy": ("context", "msgid"),
    "npgettext": ("context", "msgid", "plural"),
    "npgettext_lazy": ("context", "msgid", "plural"),
}
LITERAL = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
CALL = re.compile(rf"\b(_|n?p?gettext)\(\s*({LITERAL}(?:\s*,\s*{LITERAL})*)", re.DOTALL)


class NotLiteral(ValueError):
    """A text is computed, so no tool can find it: write the sentence out, and put the values in with placeholders."""


def from_python(source: str, name: str) -> Iterator[Key]:
    tree = ast.parse(source, name)
    known = _names(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not (shape := SHAPES.get(_called(node.func, known))):
            continue
        arguments = node.args[: len(shape)]
        # A variable holds a text that was marked where it was written, with gettext_lazy or gettext_noop.
        if not any(isinstance(argument, ast.Name | ast.Attribute | ast.Subscript) for argument in arguments):
            yield _key(shape, [_literal(argument, name) for argument in arguments])


def _names(tree: ast.AST) -> dict[str, str]:
    """The names under which this module imported the translation functions."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {
        alias.asname or alias.name: alias.name
        for node in imports
        if node.module == "django.utils.translation"
        for alias in node.names
        if alias.name in SHAPES
    }


def _called(function: ast.expr, known: dict[str, str]) -> str:
    if isinstance(function, ast.Name):
        return known.get(function.id, "")
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.attr if function.value.id in {"translation", "trans"} else ""
    return ""


def _literal(node: ast.expr, name: str) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise NotLiteral(f"{name}:{node.lineno}: a translated text must be written out, not computed.")


def from_template(source: str, name: str) -> Iterator[Key]:
    yield from _from_calls(templatize(source, origin=name))


def from_javascript(source: str, name: str) -> Iterator[Key]:
    yield from _from_calls(re.sub(r"^\s*//.*$", "", source, flags=re.MULTILINE))


def _from_calls(source: str) -> Iterator[Key]:
    for match in CALL.finditer(source):
        texts = [ast.literal_eval(literal) for literal in re.findall(LITERAL, match[2], re.DOTALL)]
        shape = SHAPES["gettext" if match[1] == "_" else match[1]]
        yield _key(shape, texts[: len(shape)])


def _key(shape: tuple[str, ...], texts: list[str]) -> Key:
    parts = dict(zip(shape, texts, strict=True))
    return Key(parts["msgid"], parts.get("plural", ""), parts.get("context", ""))


def project_files(root: Path, folders: tuple[str, ...], suffix: str) -> list[Path]:
    return sorted(path for folder in folders for path in (root / folder).rglob(f"*{suffix}"))
