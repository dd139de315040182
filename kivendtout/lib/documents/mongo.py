"""Documents in MongoDB. Imported only where MONGODB_URI is set, as pymongo is an extra of the installation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
import pymongo
from bson.codec_options import TypeDecoder, TypeRegistry
from bson.int64 import Int64
from pymongo import ASCENDING, DESCENDING, IndexModel, MongoClient
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import BulkWriteError, PyMongoError

from kivendtout.lib.deadline import seconds_left
from kivendtout.lib.documents.checks import Prepared
from kivendtout.lib.documents.collections import Collection
from kivendtout.lib.documents.errors import DocumentsUnavailable
from kivendtout.lib.documents.store import DocumentStore
from kivendtout.lib.documents.types import Position, Query, Tally

DATABASE = "kivendtout"
# A store that is away must cost a request seconds, not the driver's half minute.
SELECTION_MS = 3_000
SOCKET_MS = 20_000
DUPLICATE_KEY = 11_000
# What the store adds to a document; neither leaves it.
_INTERNAL = ("_id", "tenant_id")
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class _PlainInteger(TypeDecoder):
    """The driver marks integers beyond 32 bits with a class of its own, which not every encoder takes."""

    bson_type = Int64

    def transform_bson(self, value: Any) -> int:
        return int(value)


def _key(tenant_id: int, document_id: str) -> str:
    """MongoDB's own key makes a document unique for its tenant, without another index."""
    return f"{tenant_id}:{document_id}"


def _where(query: Query) -> dict[str, Any]:
    """A list of conditions: each stands alone, so a position in the pages can simply be one more."""
    conditions: list[dict[str, Any]] = [{"tenant_id": query.tenant_id}]
    conditions += [{name: value} for name, value in query.filters.items()]
    bounds = (("$gte", query.since), ("$lt", query.until))
    conditions += [{"at": {operator: moment}} for operator, moment in bounds if moment is not None]
    return {"$and": conditions}


def _stored(collection: Collection, tenant_id: int, one: Prepared) -> dict[str, Any]:
    named = {name: key for name, key in zip(collection.filters, one.keys, strict=True) if key is not None}
    key = _key(tenant_id, one.id)
    return {"_id": key, "tenant_id": tenant_id, "id": one.id, "at": one.at, **named, **_decode(one.text)}


def _document(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stored.items() if name not in _INTERNAL}


def _indexes(collection: Collection) -> list[IndexModel]:
    fields = [("tenant_id", *index) for index in collection.indexes]
    # By tenant and time for periods, by time alone for retention: there is no BRIN to serve both.
    wanted = dict.fromkeys([*fields, ("tenant_id", "at"), ("at",)])
    return [IndexModel([(name, ASCENDING) for name in index], name="_".join(index)) for index in wanted]


@contextmanager
def _answering() -> Iterator[None]:
    """Within the deadline in force, if that is earlier than the driver's own."""
    try:
        with pymongo.timeout(seconds_left(SOCKET_MS / 1000)):
            yield
    except BulkWriteError as error:
        if error.details.get("writeConcernErrors"):
            raise DocumentsUnavailable() from error
        raise  # a document is to blame
    except PyMongoError as error:  # a full disk, a right that was taken away: no document is to blame
        raise DocumentsUnavailable() from error


class MongoDocuments(DocumentStore):
    name = "mongodb"
    transactional = False

    def __init__(self, uri: str, selection_ms: int = SELECTION_MS) -> None:
        self.client: MongoClient[dict[str, Any]] = MongoClient(
            uri,
            tz_aware=True,
            type_registry=TypeRegistry([_PlainInteger()]),
            serverSelectionTimeoutMS=selection_ms,
            connectTimeoutMS=selection_ms,
            socketTimeoutMS=SOCKET_MS,
        )
        self.database = self.client.get_default_database(DATABASE)
        self._indexed: set[str] = set()

    def close(self) -> None:
        self.client.close()

    def ping(self) -> None:
        try:
            self.client.admin.command("ping")
        except PyMongoError as error:
            raise DocumentsUnavailable() from error

    def _of(self, collection: Collection) -> MongoCollection[dict[str, Any]]:
        return self.database[collection.name]

    def _insert(self, collection: Collection, tenant_id: int, batch: list[Prepared]) -> int:
        with _answering():
            if collection.name not in self._indexed:  # once a process; the server ignores an index it has
                self._of(collection).create_indexes(_indexes(collection))
                self._indexed.add(collection.name)
            return self._insert_new(collection, [_stored(collection, tenant_id, one) for one in batch])

    def _insert_new(self, collection: Collection, batch: list[dict[str, Any]]) -> int:
        try:
            return len(self._of(collection).insert_many(batch, ordered=False).inserted_ids)
        except BulkWriteError as error:
            faults = error.details["writeErrors"]
            if error.details.get("writeConcernErrors") or any(one["code"] != DUPLICATE_KEY for one in faults):
                raise
            return int(error.details["nInserted"])

    def _get(self, collection: Collection, tenant_id: int, document_id: str) -> dict[str, Any] | None:
        with _answering():
            stored = self._of(collection).find_one({"_id": _key(tenant_id, document_id)})
        return _document(stored) if stored else None

    def _find(self, query: Query, limit: int, newest_first: bool, after: Position | None) -> list[dict[str, Any]]:
        where = _where(query)
        direction, operator = (DESCENDING, "$lt") if newest_first else (ASCENDING, "$gt")
        if after is not None:
            tied = {"at": after.at, "id": {operator: after.id}}
            where["$and"].append({"$or": [{"at": {operator: after.at}}, tied]})
        with _answering():
            found = self._of(query.collection).find(where, sort=[("at", direction), ("id", direction)], limit=limit)
            return [_document(stored) for stored in found]

    def _count(self, query: Query) -> int:
        with _answering():
            return self._of(query.collection).count_documents(_where(query))

    def _count_by(self, query: Query, field: str, limit: int) -> list[tuple[str | None, int]]:
        steps: list[dict[str, Any]] = [
            {"$match": _where(query)},
            {"$group": {"_id": f"${field}", "number": {"$sum": 1}}},
            {"$sort": {"number": -1, "_id": 1}},
            {"$limit": limit},
        ]
        with _answering():
            return [(group["_id"], int(group["number"])) for group in self._of(query.collection).aggregate(steps)]

    def _different(self, collection: Collection, where: dict[str, Any], field: str) -> int:
        steps: list[dict[str, Any]] = [
            {"$match": {"$and": [*where["$and"], {field: {"$exists": True}}]}},
            {"$group": {"_id": f"${field}"}},
            {"$count": "number"},
        ]
        with _answering():
            return sum(int(one["number"]) for one in self._of(collection).aggregate(steps, allowDiskUse=True))

    def _count_different(self, query: Query, field: str) -> int:
        return self._different(query.collection, _where(query), field)

    def _tally(self, query: Query, field: str, groups: Mapping[str, Sequence[str]], different: str) -> dict[str, Tally]:
        told = {}
        for name, values in groups.items():
            where = _where(query)
            where["$and"].append({field: {"$in": list(values)}})
            with _answering():
                documents = self._of(query.collection).count_documents(where)
            told[name] = Tally(documents, self._different(query.collection, where, different))
        return told

    def _count_values(self, query: Query, field: str) -> Iterator[tuple[str, int]]:
        where = _where(query)
        where["$and"].append({field: {"$exists": True}})
        steps: list[dict[str, Any]] = [
            {"$match": where},
            {"$group": {"_id": f"${field}", "number": {"$sum": 1}}},
        ]
        with _answering():
            for one in self._of(query.collection).aggregate(steps, allowDiskUse=True):
                if one["_id"] is not None:
                    yield one["_id"], int(one["number"])

    def _delete(self, query: Query) -> int:
        with _answering():
            return self._of(query.collection).delete_many(_where(query)).deleted_count

    def _expire(self, collection: Collection, before: datetime, limit: int) -> int:
        with _answering():
            old = self._of(collection).find({"at": {"$lt": before}}, projection={"_id": 1}, limit=limit)
            keys = [stored["_id"] for stored in old]
            return self._of(collection).delete_many({"_id": {"$in": keys}}).deleted_count if keys else 0
