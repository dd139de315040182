"""The PostgreSQL tables behind the collections. Names come from the registry, which admits plain identifiers only."""

from __future__ import annotations

from kivendtout.lib.documents.collections import Collection

PREFIX = "documents_"


def table_of(collection: Collection) -> str:
    return PREFIX + collection.name


def create_sql(collection: Collection) -> list[str]:
    """One table a collection: the fields it is searched by are columns, the rest is JSONB.

    Text is compared byte by byte (COLLATE "C"): faster, and the order MongoDB uses, which cursors rely on.
    """
    table = table_of(collection)
    keys = "".join(f'    {name} text COLLATE "C",\n' for name in collection.filters)
    create = (
        f"CREATE TABLE {table} (\n"
        "    tenant_id bigint NOT NULL,\n"
        '    id text COLLATE "C" NOT NULL,\n'
        "    at timestamptz NOT NULL,\n"
        f"{keys}"
        "    body jsonb NOT NULL,\n"
        "    PRIMARY KEY (tenant_id, id)\n"
        ")"
    )
    indexes = [
        f"CREATE INDEX {table}_{number} ON {table} (tenant_id, {', '.join(fields)})"
        for number, fields in enumerate(collection.indexes, start=1)
    ]
    # Documents arrive nearly in order of time, so a few pages of BRIN serve retention and the roll-ups.
    return [create, *indexes, f"CREATE INDEX {table}_at ON {table} USING brin (at) WITH (autosummarize = on)"]


def drop_sql(collection: Collection) -> str:
    return f"DROP TABLE {table_of(collection)}"
