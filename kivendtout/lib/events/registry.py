"""A Confluent-compatible schema registry: schemas by number, numbers by schema, kept in memory once known."""

from __future__ import annotations

import base64
import json
from functools import lru_cache
from http.client import HTTPException
from time import monotonic
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import Request, urlopen

from django.conf import settings
from django.utils.translation import gettext_noop

from kivendtout.lib.errors import Conflict, ServiceUnavailable
from kivendtout.lib.events.errors import UnknownSchema

# A registry answers within milliseconds, and is asked once a schema.
SECONDS: Final = 3.0
# A schema of ours has some 6,000 bytes. More than this is no schema, and would only fill the memory.
MOST_BYTES: Final = 1_000_000
CONTENT: Final = "application/vnd.schemaregistry.v1+json"
# A new release reads what the old one wrote: the same rule that docs/events/ is checked by.
COMPATIBILITY: Final = "BACKWARD"
SCHEMA_NOT_FOUND: Final = 40403
# A thousand poisoned messages ask once, and a schema that is registered late is found soon.
UNKNOWN_SECONDS: Final = 10.0
MOST_UNKNOWN: Final = 10_000
# A schema's number is a signed one of 32 bits; a greater one is a message's own invention.
MOST_NUMBER: Final = 2**31 - 1


class SchemaRegistryUnavailable(ServiceUnavailable):
    code = "schema_registry_unavailable"
    message = gettext_noop(
        "The schema registry does not answer (%(problem)s). Check SCHEMA_REGISTRY_URL, then retry; messages wait."
    )


class SchemaRefused(Conflict):
    code = "schema_refused"
    message = gettext_noop(
        "The schema registry refuses the schema of %(subject)s as incompatible with what it holds. Make a new version "
        "of the message that its rule allows, or change the rule of that subject."
    )


class SchemaRegistry:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = f":{parts.port}" if parts.port else ""
        self.address = f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
        """Without user and password: those travel in a header, and are never told."""
        self._headers = {"Accept": CONTENT, "Content-Type": CONTENT}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        self._schemas: dict[int, Any] = {}
        self._ids: dict[str, int] = {}
        self._unknown: dict[int, float] = {}

    def schema(self, number: int) -> Any:
        """What a writer wrote by. UnknownSchema when the registry answers that there is none."""
        if number not in self._schemas:
            if monotonic() < self._unknown.get(number, 0.0):
                raise _unknown(number)
            self._schemas[number] = self._fetch(number)
        return self._schemas[number]

    def _fetch(self, number: int) -> Any:
        if number > MOST_NUMBER:
            raise _unknown(number)
        status, answer = self._call("GET", f"/schemas/ids/{number}")
        if status == 404 and answer.get("error_code") == SCHEMA_NOT_FOUND:
            if len(self._unknown) >= MOST_UNKNOWN:
                self._unknown.clear()
            self._unknown[number] = monotonic() + UNKNOWN_SECONDS
            raise _unknown(number)
        self._expect(status, answer, "schema")
        if answer.get("schemaType", "AVRO") != "AVRO" or answer.get("references"):
            raise UnknownSchema(f"Schema {number} is not one of Avro that stands by itself. Send by such a one.")
        try:
            return json.loads(answer["schema"])
        except (ValueError, TypeError, RecursionError) as error:
            raise SchemaRegistryUnavailable(problem="a schema that is not JSON") from error

    def number(self, subject: str, schema: dict[str, Any]) -> int:
        """Registers it where it is new; a registry knows its schemas by their content."""
        text = json.dumps(schema)
        key = f"{subject} {text}"
        if key not in self._ids:
            path = f"/subjects/{quote(subject, safe='')}/versions"
            status, answer = self._call("POST", path, {"schema": text, "schemaType": "AVRO"})
            if status in (409, 422):
                raise SchemaRefused(subject=subject)
            self._expect(status, answer, "id")
            self._hold_compatible(subject)
            self._ids[key] = int(answer["id"])
        return self._ids[key]

    def compatibility(self, subject: str) -> str | None:
        """The subject's own rule; None where it has none and the registry's holds."""
        status, answer = self._call("GET", f"/config/{quote(subject, safe='')}")
        if status == 404:
            return None
        self._expect(status, answer, "compatibilityLevel")
        return str(answer["compatibilityLevel"])

    def fits(self, subject: str, schema: dict[str, Any]) -> bool:
        """Whether the registry would take it: asked before a release, not while payments wait."""
        path = f"/compatibility/subjects/{quote(subject, safe='')}/versions/latest"
        status, answer = self._call("POST", path, {"schema": json.dumps(schema), "schemaType": "AVRO"})
        if status == 404:
            return True  # nothing is registered yet
        self._expect(status, answer, "is_compatible")
        return bool(answer["is_compatible"])

    def _hold_compatible(self, subject: str) -> None:
        """A rule that somebody chose for the subject stays. NONE is no rule, and what some registries begin with."""
        if self.compatibility(subject) in (None, "NONE"):
            status, answer = self._call("PUT", f"/config/{quote(subject, safe='')}", {"compatibility": COMPATIBILITY})
            self._expect(status, answer, "compatibility")

    def _expect(self, status: int, answer: dict[str, Any], name: str) -> None:
        if status != 200 or name not in answer:
            raise SchemaRegistryUnavailable(problem=f"status {status}")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.address + path, data, self._headers, method=method)  # noqa: S310  env allows http(s) only
        try:
            with urlopen(request, timeout=SECONDS) as response:  # noqa: S310
                return response.status, _answer(response.read(MOST_BYTES + 1))
        except HTTPError as error:
            with error:
                return error.code, _answer(error.read(MOST_BYTES + 1))
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise SchemaRegistryUnavailable(problem=type(reason).__name__) from None


def _unknown(number: int) -> UnknownSchema:
    return UnknownSchema(f"The schema registry has no schema {number}. Send by one that is registered.")


def _answer(raw: bytes) -> dict[str, Any]:
    """Empty for what is no object of JSON, such as the page of a proxy: whoever expects a name in it will say so."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def schema_registry() -> SchemaRegistry | None:
    return _registry(settings.SCHEMA_REGISTRY_URL) if settings.SCHEMA_REGISTRY_URL else None


@lru_cache(maxsize=4)
def _registry(url: str) -> SchemaRegistry:
    return SchemaRegistry(url)
