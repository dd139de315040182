"""A message that a test made up, as the stream would have read it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Raw:
    """A message that a test made up, as the stream would have read it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"
