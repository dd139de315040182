"""A small schema registry that follows Confluent's documented API, and whose moods a test may choose."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, Any]]
NO_SCHEMA = {"error_code": 40403, "message": "Schema not found"}
NO_SUBJECT = {"error_code": 40401, "message": "Subject not found"}
NO_CONFIG = {"error_code": 40408, "message": "Subject does not have subject-level compatibility configured"}


class RegistryServer:
    def __init__(self) -> None:
        self.schemas: list[dict[str, Any]] = []
        self.subjects: dict[str, list[int]] = {}
        self.rules: dict[str, str] = {}
        self.asked: list[str] = []
        self.authorization: list[str | None] = []
        self.mood: Answer | None = None
        """Given instead of every answer."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else {}
                server.asked.append(f"{self.command} {self.path}")
                server.authorization.append(self.headers.get("Authorization"))
                status, answer = server.mood or server.answer(self.command, self.path, body)
                raw = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PUT = _serve  # noqa: N815  the names that it calls

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its own name
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()

    def add(self, schema: Any, **more: Any) -> int:
        """As if a partner's producer had registered it."""
        self.schemas.append({"schema": json.dumps(schema), **more})
        return len(self.schemas)

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        for pattern, respond in _ROUTES.items():
            if found := re.fullmatch(pattern, f"{method} {path}"):
                return respond(self, found, body)
        return 404, {}

    def schema_by_id(self, found: re.Match[str], body: dict[str, Any]) -> Answer:
        number = int(found["id"])
        return (200, self.schemas[number - 1]) if 0 < number <= len(self.schemas) else (404, NO_SCHEMA)

    def register(self, found: re.Match[str], body: dict[str, Any]) -> Answer:
        subject, text = found["subject"], body["schema"]
        known = self.subjects.setdefault(subject, [])
        for number in known:
            if self.schemas[number - 1]["schema"] == text:
                return 200, {"id": number}
        if known and not self._fits(subject, text):
            return 409, {"error_code": 409, "message": "Schema being registered is incompatible"}
        known.append(self.add(json.loads(text)))
        return 200, {"id": known[-1]}

    def fits(self, found: re.Match[str], body: dict[str, Any]) -> Answer:
        if not self.subjects.get(found["subject"]):
            return 404, NO_SUBJECT
        return 200, {"is_compatible": self._fits(found["subject"], body["schema"])}

    def _fits(self, subject: str, text: str) -> bool:
        """Enough of BACKWARD for these tests: what is new needs a default."""
        if self.rules.get(subject, "BACKWARD") != "BACKWARD":
            return True
        old = {field["name"] for field in json.loads(self.schemas[self.subjects[subject][-1] - 1]["schema"])["fields"]}
        return all("default" in field for field in json.loads(text)["fields"] if field["name"] not in old)

    def rule(self, found: re.Match[str], body: dict[str, Any]) -> Answer:
        subject = found["subject"]
        return (200, {"compatibilityLevel": self.rules[subject]}) if subject in self.rules else (404, NO_CONFIG)

    def set_rule(self, found: re.Match[str], body: dict[str, Any]) -> Answer:
        self.rules[found["subject"]] = body["compatibility"]
        return 200, body


_ROUTES: dict[str, Any] = {
    r"GET /schemas/ids/(?P<id>[0-9]+)": RegistryServer.schema_by_id,
    r"POST /subjects/(?P<subject>[^/]+)/versions": RegistryServer.register,
    r"POST /compatibility/subjects/(?P<subject>[^/]+)/versions/latest": RegistryServer.fits,
    r"GET /config/(?P<subject>[^/]+)": RegistryServer.rule,
    r"PUT /config/(?P<subject>[^/]+)": RegistryServer.set_rule,
}
