"""One block as bytes to append to each file."""

import io
from dataclasses import dataclass, field

import polars as pl

from apps.payments.dataset import schema
from apps.payments.dataset.block import Block, Counts
from apps.payments.dataset.catalogue import products_frame
from apps.payments.dataset.merchants import merchants_frame
from apps.payments.dataset.options import DatasetOptions
from apps.payments.dataset.tables import block_frames


@dataclass(frozen=True)
class Part:
    """What one block adds to the files."""

    index: int
    content: dict[str, bytes]
    rows: dict[str, int]
    frauds: dict[str, int] = field(default_factory=dict)


def encode_block(options: DatasetOptions, block: Block, before: Counts) -> Part:
    frames = block_frames(options, block, before)
    first = block.index == 0
    if first:
        frames[schema.PRODUCTS] = products_frame(options.start_s)
        frames[schema.MERCHANTS] = merchants_frame()
    labels = frames[schema.FRAUD_LABELS].filter(pl.col("is_fraud") == 1)
    counted = labels.group_by("pattern").len().sort("pattern")
    return Part(
        index=block.index,
        content={name: encode(frame, name, options.file_format, header=first) for name, frame in frames.items()},
        rows={name: len(frame) for name, frame in frames.items()},
        frauds=dict(counted.iter_rows()),
    )


def encode(frame: pl.DataFrame, table: str, file_format: str, *, header: bool) -> bytes:
    target = io.BytesIO()
    if file_format == "parquet":
        # On its way to the one writer; that one makes the Parquet row group.
        frame.write_ipc_stream(target)
    elif table == schema.EVENTS:
        frame.write_ndjson(target)
    else:
        frame.write_csv(target, include_header=header)
    return target.getvalue()
