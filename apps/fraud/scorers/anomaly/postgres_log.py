"""Lines of PostgreSQL's own log, as csvlog, as jsonlog or as text: who, what kind of statement, how long, what failed.

Of a statement its first word is looked at and nothing is kept: no text, no value. Text lines name the role if
`log_line_prefix` holds `%u@%d`; without it, a line about a new connection tells it for the lines of the same process.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

from apps.fraud.scorers.anomaly.activity import Act

KINDS: Final = {
    **dict.fromkeys(("SELECT", "WITH", "VALUES", "TABLE", "FETCH", "SHOW", "EXPLAIN"), "reads"),
    **dict.fromkeys(("INSERT", "UPDATE", "DELETE", "MERGE"), "writes"),
    **dict.fromkeys(("CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "REVOKE", "COMMENT", "REASSIGN"), "schema"),
    "COPY": "copies",
}
FAULTS: Final = frozenset({"ERROR", "FATAL", "PANIC"})
# invalid_password, invalid_authorization_specification; insufficient_privilege.
SIGN_IN_CODES, REFUSED_CODE = frozenset({"28P01", "28000"}), "42501"
DURATION: Final = re.compile(r"duration: (\d+(?:\.\d+)?) ms")
STATEMENT: Final = re.compile(
    r"(?:statement|execute [^:]{1,80}|parse [^:]{1,80}|bind [^:]{1,80}): *(?:/\*.*?\*/ *)?(\w+)"
)
CONNECTED: Final = re.compile(r"connection authorized: user=(\S+)")
SIGN_IN_FAILED: Final = re.compile(r'(?:authentication failed for user|role) "([^"]{1,63})"')
HOST: Final = re.compile(r"(?:connection received: )?host=(\S+)")
TEXT_LINE: Final = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) (?P<zone>\S+) \[(?P<pid>\d+)\]:? "
    r"(?:(?P<role>[^\s@]{1,63})@\S* )?(?P<level>[A-Z]+\d?): +(?P<text>.*)",
    re.ASCII,
)
NOBODY: Final = "not named"
# Processes whose role is remembered; a server has a few hundred at a time.
MOST_PROCESSES: Final = 10_000
CSV_START: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \w+,", re.ASCII)
MOST_LINES: Final = 1_000  # of a record; a longer statement is cut off, and its record counted as bad
CSV_FIELDS: Final = 23  # of PostgreSQL 12; later versions add more behind
_json = msgspec.json.Decoder(dict[str, Any]).decode


class Entry(NamedTuple):
    at: datetime
    role: str
    process: str
    host: str
    level: str
    code: str
    tag: str
    text: str


class PostgresLog:
    def __init__(self, hashed: Callable[[str], str]) -> None:
        """`hashed` turns an address into what may be kept of it."""
        self.hashed = hashed
        self.lines = self.bad = self.passed_over = 0
        self._roles: dict[str, str] = {}
        self._hosts: dict[str, str] = {}
        self._known: set[str] = set()

    def acts(self, lines: Iterable[str]) -> Iterator[Act]:
        for text in self._whole(lines):
            entry = self._read(text)
            if entry is None:
                continue
            act = self._act(entry)
            if act is None:
                self.passed_over += 1
            else:
                yield act

    def _whole(self, lines: Iterable[str]) -> Iterator[str]:
        """A record of a csvlog may go over several lines: up to the one that closes its quotation marks."""
        begun: list[str] = []
        for text in lines:
            self.lines += 1
            if not begun and (text.count('"') % 2 == 0 or not CSV_START.match(text)):
                yield text
                continue
            begun.append(text)
            if (len(begun) > 1 and text.count('"') % 2) or len(begun) == MOST_LINES:
                yield "".join(begun)
                begun = []
        if begun:
            yield "".join(begun)

    def _read(self, text: str) -> Entry | None:
        if not text.strip() or text[:1] in "\t ":
            self.passed_over += 1  # the rest of a statement that was longer than a line
            return None
        try:
            if text.startswith("{"):
                return _from_json(_json(text))
            match = TEXT_LINE.match(text)
            return _from_text(match) if match else _from_csv(next(csv.reader(text.splitlines(keepends=True))))
        except (ValueError, KeyError, IndexError, TypeError, csv.Error, StopIteration, RecursionError):
            self.bad += 1
            return None

    def _act(self, entry: Entry) -> Act | None:
        if found := HOST.search(entry.text):
            self._remember(self._hosts, entry.process, found[1])
        if found := CONNECTED.search(entry.text):
            self._remember(self._roles, entry.process, found[1])
            self._known.add(found[1])
            return self._made(entry, found[1], {"connections": 1})
        role = entry.role or self._roles.get(entry.process, NOBODY)
        if entry.level in FAULTS:
            return self._fault(entry, role)
        self._known.add(role)
        duration = DURATION.search(entry.text)
        if duration is None:
            return None
        milliseconds = float(duration[1])
        counts = {"statements": 1.0, "milliseconds": milliseconds}
        if kind := _kind(entry):
            counts[kind] = 1
        return self._made(entry, role, counts, milliseconds)

    def _fault(self, entry: Entry, role: str) -> Act:
        failed = SIGN_IN_FAILED.search(entry.text)
        if entry.code in SIGN_IN_CODES or (failed and entry.level == "FATAL"):
            # Whoever knocks may give any name, a password by mistake: only those of roles that worked before are kept.
            name = failed[1] if failed else role
            return self._made(entry, name if name in self._known else NOBODY, {"sign_ins_failed": 1})
        refused = entry.code == REFUSED_CODE or entry.text.startswith("permission denied")
        return self._made(entry, role, {"errors": 1, "refused": 1} if refused else {"errors": 1})

    def _made(self, entry: Entry, role: str, counts: dict[str, float], longest: float = 0.0) -> Act:
        host = entry.host or self._hosts.get(entry.process, "")
        return Act(entry.at, f"role {role}", counts, network=self.hashed(host) if host else "", longest=longest)

    @staticmethod
    def _remember(memory: dict[str, str], process: str, value: str) -> None:
        if len(memory) >= MOST_PROCESSES:
            memory.clear()
        memory[process] = value


def _kind(entry: Entry) -> str | None:
    found = STATEMENT.search(entry.text)
    word = (found[1] if found else entry.tag.partition(" ")[0]).upper()
    return KINDS.get(word)


def _from_text(match: re.Match[str]) -> Entry:
    at = _moment(match["at"], match["zone"])
    return Entry(at, match["role"] or "", match["pid"], "", match["level"], "", "", match["text"])


def _from_csv(cells: list[str]) -> Entry:
    if len(cells) < CSV_FIELDS:
        raise ValueError("This is no line of a csvlog.")
    at, zone = cells[0].rsplit(" ", 1)
    host = cells[4].rpartition(":")[0] or cells[4]
    return Entry(_moment(at, zone), cells[1], cells[3], host, cells[11], cells[12], cells[7], cells[13])


def _from_json(told: dict[str, Any]) -> Entry:
    at, zone = str(told["timestamp"]).rsplit(" ", 1)
    word = {name: str(told.get(name, "")) for name in
            ("user", "pid", "remote_host", "error_severity", "state_code", "ps", "message")}  # fmt: skip
    return Entry(
        _moment(at, zone), word["user"], word["pid"], word["remote_host"], word["error_severity"], word["state_code"],
        word["ps"], word["message"],
    )  # fmt: skip


def _moment(text: str, zone: str) -> datetime:
    """Servers of ours log in UTC; of another zone's short name nobody knows for sure which one it is."""
    if zone not in {"UTC", "GMT"}:
        raise ValueError("The log's time zone is not UTC: set log_timezone.")
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
