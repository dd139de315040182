"""Rows of the outbox as messages: sent together, answered for one by one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from typing import Any, Final

import msgspec
from confluent_kafka import Producer

from apps.compliance.models import Tenant
from kivendtout.lib.events.avro import outgoing
from kivendtout.lib.kafka import TENANT_HEADER
from kivendtout.lib.tenancy import across_tenants
from kivendtout.lib.trace import HEADER, span_of

# As many as a page shows; older ones would leave it at once.
MOST_TOLD: Final = 100
_unpack = msgspec.msgpack.Decoder(list[tuple[str, bytes, str]]).decode


class Row:
    __slots__ = ("count", "left", "messages", "pk", "tenant_id")

    def __init__(self, pk: int, tenant_id: int, packed: bytes) -> None:
        self.pk, self.tenant_id = pk, tenant_id
        self.messages = _unpack(packed)
        self.count = self.left = len(self.messages)


class Delivery:
    """`fault` says in short what the destination answered first, if not "yes"."""

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        self.rows = rows
        self.fault: str | None = None

    def send(self, producer: Producer, topic: str, slugs: dict[int, bytes]) -> None:
        for row in self.rows:
            answered = partial(self._answered, row)
            slug = slugs[row.tenant_id]
            for key, value, trace in row.messages:
                headers: list[Any] = [(TENANT_HEADER, slug)]
                if trace:
                    headers.append((HEADER, span_of(trace).encode()))
                producer.produce(topic, outgoing(topic, value), key.encode(), headers=headers, on_delivery=answered)
            producer.poll(0)

    def _answered(self, row: Row, error: Any, _message: Any) -> None:
        if error is None:
            row.left -= 1
        else:
            self.fault = self.fault or error.name()

    def acknowledged(self) -> list[Row]:
        """From the first on: a row after one that did not get through is sent again, or it would have overtaken it."""
        return list(takewhile(lambda row: row.left == 0, self.rows))


_slugs: dict[int, bytes] = {}


def slugs_of(tenants: set[int]) -> dict[int, bytes]:
    """Tenants are few and keep their slug, so a known one is not asked for again."""
    if unknown := tenants - _slugs.keys():
        with across_tenants():
            found = Tenant.objects.filter(pk__in=unknown).values_list("pk", "slug")
            _slugs.update({pk: slug.encode() for pk, slug in found})
    return _slugs


class _Decided(msgspec.Struct):
    decision_id: str


_decided = msgspec.json.Decoder(_Decided).decode


def payments_told(rows: Sequence[Row]) -> dict[int, list[int]]:
    """The newest payments that these rows told decisions of, by tenant."""
    told: dict[int, list[int]] = {}
    for row in rows:
        newest = [_decided(value).decision_id for _key, value, _trace in row.messages[-MOST_TOLD:]]
        told.setdefault(row.tenant_id, []).extend(int(one.removeprefix("dec_")) for one in newest)
    return told
