"""The topic configurations that this broker knows; what it cannot honour it refuses instead of ignoring."""

from .codes import Code, RefusedError

# Kept for ever by default: demo data carries the times at which it happened, and those lie in the past.
DEFAULTS = {
    "cleanup.policy": "delete",
    "compression.type": "producer",
    "max.message.bytes": "1048588",  # Apache Kafka's own default
    "message.timestamp.type": "CreateTime",
    "min.insync.replicas": "1",
    "retention.bytes": "-1",
    "retention.ms": "-1",
    "segment.bytes": str(64 * 1024 * 1024),
    "segment.ms": "604800000",
}
_FIXED = {"compression.type": {"producer"}, "message.timestamp.type": {"CreateTime"}, "min.insync.replicas": {"1"}}
_CHOICES = {"cleanup.policy": {"delete", "compact", "compact,delete", "delete,compact"}}  # compaction may keep all
_SMALLEST = {"retention.bytes": -1, "retention.ms": -1, "max.message.bytes": 1, "segment.bytes": 14, "segment.ms": 1}


def check(name: str, value: str | None) -> str:
    if name not in DEFAULTS or value is None:
        raise RefusedError(Code.INVALID_CONFIG, f"Unknown topic configuration {name}.")
    allowed = _FIXED.get(name) or _CHOICES.get(name)
    if allowed is not None and value not in allowed:
        raise RefusedError(Code.INVALID_CONFIG, f"This development broker takes only {sorted(allowed)} for {name}.")
    if name in _SMALLEST and not _is_whole(value, _SMALLEST[name]):
        raise RefusedError(Code.INVALID_CONFIG, f"{name} must be a whole number from {_SMALLEST[name]} on.")
    return value


def _is_whole(value: str, smallest: int) -> bool:
    try:
        return int(value) >= smallest
    except ValueError:
        return False
