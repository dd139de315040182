from __future__ import annotations

import ast
from collections.abc import Iterator

from django.conf import settings

from kivendtout.lib.crypto.hashing import HASH_PURPOSES

HASHERS = {"keyed_hash", "keyed_hashes"}


def purposes_in_the_code() -> Iterator[str]:
    for folder in ("apps", "celery_worker", "kivendtout"):
        for file in (settings.BASE_DIR / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=purpose), *_]) if name in HASHERS:
                        yield purpose


def test_every_purpose_that_the_code_hashes_for_gets_its_key_at_set_up() -> None:
    assert set(purposes_in_the_code()) <= set(HASH_PURPOSES)
