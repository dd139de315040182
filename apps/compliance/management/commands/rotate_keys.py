"""Rotates encryption keys while the product runs; docs/encryption.md says when and how."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from apps.compliance.services import keys
from kivendtout.lib.crypto.rotation import Options, Outcome
from kivendtout.lib.errors import KvtError


class Command(BaseCommand):
    help = "Re-encrypts tables under new keys, online; or creates, lists, destroys keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--table", action="append", default=[], help="only this table (may be repeated)")
        parser.add_argument("--index", action="store_true", help="rotate blind indexes instead of tables")
        parser.add_argument("--purpose", action="append", default=[], help="with --index: only this one")
        parser.add_argument("--resume", action="store_true", help="finish an interrupted rotation; begin none")
        parser.add_argument("--batch", type=int, default=Options.batch, help="rows per statement")
        parser.add_argument("--grace", type=float, default=Options.grace, help="seconds for other processes to follow")
        parser.add_argument("--create", action="store_true", help="create missing first keys, rotate nothing")
        parser.add_argument("--list", action="store_true", help="list keys and their states, rotate nothing")
        parser.add_argument("--destroy", metavar="KEY", help="erase a retired key for good")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = self._run(options)
        except KvtError as error:
            raise CommandError(error.message) from error
        except OperationalError as error:
            raise CommandError(
                f"The database does not answer or gave up: {str(error).splitlines()[0]}. "
                "Nothing is lost; when it is back, run with --resume."
            ) from error
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            self._print(result)
        if unfinished := [row for done in result.get("rotated", []) for row in done["unfinished"]]:
            raise CommandError(
                f"Rows that could not be rotated: {'; '.join(unfinished)}. Their former keys stay. "
                "Restore or clear these values, then run with --resume."
            )

    def _run(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["create"]:
            return {"created": keys.keys_create()}
        if options["list"]:
            tables, indexes = keys.keys_list()
            return {"tables": tables, "indexes": indexes}
        if options["destroy"]:
            return {"destroyed": options["destroy"], "table": keys.keys_destroy(key_id=options["destroy"])}
        return self._rotate(options)

    def _rotate(self, options: dict[str, Any]) -> dict[str, Any]:
        chosen = Options(
            batch=max(1, options["batch"]), grace=options["grace"], resume=options["resume"], report=self.stderr.write
        )
        began = time.monotonic()
        if options["index"]:
            done = keys.keys_rotate_indexes(purposes=options["purpose"], options=chosen)
        else:
            done = keys.keys_rotate_tables(tables=options["table"], options=chosen)
        return {"rotated": [_described(outcome) for outcome in done], "seconds": round(time.monotonic() - began, 3)}

    def _print(self, result: dict[str, Any]) -> None:
        for name, value in result.items():
            lines = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
            self.stdout.write(f"{name}: {'' if lines else value}")
            for key, item in lines:
                self.stdout.write(f"  {key}: {item}" if isinstance(key, str) else f"  {item}")


def _described(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "new_key": outcome.new_key,
        "old_keys": outcome.old_keys,
        "rows": outcome.rows,
        "finished": outcome.finished,
        "unfinished": outcome.unfinished,
    }
