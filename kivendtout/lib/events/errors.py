"""Why a message cannot be used. The code tells whoever sorts dead letters; the sentence tells whoever sent one."""

from __future__ import annotations

from kivendtout.lib.errors import InvalidInput


class InvalidEvent(InvalidInput):
    code = "invalid_event"
    message = "The message cannot be used. Correct it and send it again."


class Malformed(InvalidEvent):
    """Not JSON, not Avro, or cut short: nothing of it can be read."""

    code = "malformed"


class Oversized(InvalidEvent):
    code = "oversized"


class UnknownVersion(InvalidEvent):
    """Perhaps sound, and of a version that this release does not read: worth trying again after an upgrade."""

    code = "unknown_version"


class Unusable(InvalidEvent):
    """Readable, and a field of it cannot be taken."""

    code = "invalid"


class FromTheFuture(InvalidEvent):
    code = "from_the_future"


class UnknownSchema(InvalidEvent):
    """Avro by a schema that nobody here can read."""

    code = "unknown_schema"
