"""Logs: one JSON object a line, the same for our own lines and for Django's, Celery's, the servers' and Kafka's.

    log = get_logger(__name__)
    log.info("payment scored", payment_id=…, outcome=…)

A line is always one line (JSON escapes what would break it), carries the trace id, and has passed `redact`.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
import warnings
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, cast

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger

from kivendtout.lib import clock, redact
from kivendtout.lib.trace import current_trace_id

Stream = Literal["stdout", "stderr"]
Event = MutableMapping[str, Any]

# Frames nearest the error; a deeper stack repeats the framework.
STACK_FRAMES = 20
# Causes of causes beyond this add nothing, and a cycle would never end.
CHAINED_CAUSES = 3
# At DEBUG these write statements, documents or message bodies with their values, personal data included.
NEVER_BELOW = {
    "django.db.backends": logging.INFO,
    "pymongo": logging.WARNING,
    "kafka": logging.WARNING,
    "asyncio": logging.WARNING,
    # Three lines for each job that ran well, some of them every ten seconds.
    **dict.fromkeys(["celery.beat", "celery.worker.strategy", "celery.app.trace"], logging.WARNING),
    "uvicorn.access": logging.WARNING,  # its lines are raw client addresses
}
# Servers and frameworks that install handlers of their own before the application is loaded.
TAKEN_OVER = (
    "django", "django.server", "celery", "celery.task", "celery.redirected",
    "uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "granian", "_granian", "granian.access", "kafka",
)  # fmt: skip
# Their lines name the client; other libraries' addresses are servers, which whoever reads the log needs.
_NAMES_CLIENTS = ("uvicorn", "granian", "_granian", "django", "daphne")
_CLIENT_ADDRESS = re.compile(r"(?<![\d.])(?!127\.|0\.0\.0\.0)\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\d.])")
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}

# JSON leaves these as they are, and some viewers end a line at them, or take them for a terminal's commands.
_LINE_BREAKERS = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029)}

_encode = msgspec.json.Encoder(enc_hook=str).encode
_process = "server"
_stream: Stream = "stdout"


def describe_exception(error: BaseException, depth: int = CHAINED_CAUSES) -> dict[str, object]:
    """Type, message, and where: no source lines and no variables, which may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)[-STACK_FRAMES:]
    told: dict[str, object] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins."),
        "message": str(error),
        "stack": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and depth > 0:
        told["cause"] = describe_exception(cause, depth - 1)
    return told


def _exception_of(exc_info: object) -> BaseException | None:
    if exc_info is True:
        return sys.exc_info()[1]
    if isinstance(exc_info, tuple):
        return cast("BaseException | None", exc_info[1])
    return exc_info if isinstance(exc_info, BaseException) else None


def render(fields: Mapping[str, Any], level: str) -> str:
    """One line: who, when, what, then the fields."""
    rest = dict(fields)
    event, logger = rest.pop("event", ""), rest.pop("logger_name", "root")
    if (error := _exception_of(rest.pop("exc_info", None))) is not None:
        rest["exception"] = describe_exception(error)
    clean = cast("dict[str, object]", redact.redact(rest | {"event": str(event)}))
    line: dict[str, object] = {
        "ts": clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level,
        "logger": logger,
        "event": clean.pop("event"),
        "process": _process,
        "trace_id": current_trace_id(),
        "tenant": clean.pop("tenant", None),
    }
    line = line | {(f"field_{key}" if key in line else key): value for key, value in clean.items()}
    try:
        return _encode(line).decode().translate(_LINE_BREAKERS)
    except (UnicodeEncodeError, ValueError, TypeError):  # a lone surrogate, say: a line is never lost for its content
        return json.dumps(line, default=str)


def _write(line: str) -> None:
    target = sys.stderr if _stream == "stderr" else sys.stdout
    target.write(line + "\n")
    target.flush()


def _final(logger: _LineLogger, method: str, event: Event) -> str:
    return render({"logger_name": logger.name, **event}, "error" if method == "exception" else method)


class _LineLogger:
    """What structlog's loggers end in; looks the stream up at each line, as tests and servers replace it."""

    def __init__(self, name: str = "root") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        _write(line)

    debug = info = warning = error = critical = log = msg


# A broker that is away makes kafka-python complain dozens of times a second; once in this long says as much.
CHATTY, CHATTY_SECONDS = "kafka", 30.0


class OncePerWhile(logging.Filter):
    """Lets each of a chatty library's sentences through once per while, whatever values it is said with."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(CHATTY):
            return True
        sentence = (record.name, str(record.msg)[:40])
        if record.created - self._said.get(sentence, 0.0) < CHATTY_SECONDS:
            return False
        self._said[sentence] = record.created
        return True


class LineHandler(logging.Handler):
    """The same renderer for everything that uses the standard library's logging."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(OncePerWhile())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            _write(render(self._fields(record), record.levelname.lower()))
        except Exception:
            self.handleError(record)

    @staticmethod
    def _fields(record: logging.LogRecord) -> dict[str, object]:
        text = record.getMessage()
        if record.name.startswith(_NAMES_CLIENTS):
            text = _CLIENT_ADDRESS.sub("[address removed]", text)
        extra = {
            key: value
            for key, value in vars(record).items()
            if key not in _STANDARD_FIELDS and isinstance(value, str | int | float | bool)
        }
        context = structlog.contextvars.get_contextvars()
        return {**context, **extra, "event": text, "logger_name": record.name, "exc_info": record.exc_info}


def get_logger(name: str) -> FilteringBoundLogger:
    return cast("FilteringBoundLogger", structlog.get_logger(name))


def bind_tenant(tenant: str) -> None:
    """Every line from here on names the tenant, until the request or the message ends."""
    structlog.contextvars.bind_contextvars(tenant=tenant)


def configure_logging(level: str, process: str, stream: Stream = "stdout") -> None:
    """Call once a process. Commands that print a result on stdout log to stderr."""
    global _process, _stream
    _process, _stream = process, stream
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _final],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_LineLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    for handler in [one for one in root.handlers if type(one) in (LineHandler, logging.StreamHandler)]:
        root.removeHandler(handler)
    root.addHandler(LineHandler())
    root.setLevel(number)
    for name in TAKEN_OVER:
        taken = logging.getLogger(name)
        taken.handlers.clear()
        taken.propagate = True
    for name, least in NEVER_BELOW.items():
        logging.getLogger(name).setLevel(max(least, number))
    logging.captureWarnings(True)
    # kafka-python reads its schemas in a way that Python will drop; its own upgrade's matter, not a line a start each.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"kafka\.|importlib\.resources")


def connect_celery_logging(level: str, process: str) -> None:
    """Celery then leaves logging, stdout and stderr alone; without this it would swallow lines on stdout."""
    from celery import signals  # only processes that talk to Celery pay for importing it

    def configure(**_: object) -> None:
        configure_logging(level, process)

    signals.setup_logging.connect(configure, weak=False, dispatch_uid="log")
