"""A generated data set's payments with all that its files tell of them, as one file that a history can be made of."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl
from django.utils.translation import gettext_noop

from apps.fraud.services.history_import import mapping
from apps.payments.ingestion.tables.details import device_kind
from kivendtout.lib.errors import InvalidInput

MAP: Final = Path(mapping.__file__).with_name("maps") / "generated.toml"
FILES: Final = ("payments", "payment_details", "sessions", "customers", "merchants", "fraud_labels")
# Codes that look like numbers, and must keep their leading zeros.
TEXTS: Final = ("card_bin", "mcc", "last4", "postal_code", "failure_code", "billing_country", "issuer_country")


class NoDataset(InvalidInput):
    code = "no_dataset"
    message = gettext_noop("%(folder)s lacks %(file)s. Give a folder that generate_dataset made.")


def history_written(folder: Path, out: Path) -> Path:
    """CSV or Parquet, as the folder has it."""
    read = {name: _read(folder, name) for name in FILES}
    kind = device_kind(pl.col("device_kind"), pl.col("os"), pl.col("browser"))
    (
        read["payments"].drop("is_fraud_label").with_columns(pl.col("card_bin").cast(pl.String))
        .join(read["payment_details"].with_columns(kind.alias("device_kind")), on="payment_id", how="left")
        .join(read["sessions"].select("session_id", "utm_source", "utm_campaign"), on="session_id", how="left")
        .join(read["customers"].select("customer_id", "country", "signup_ts"), on="customer_id", how="left")
        .join(read["merchants"].select("merchant_id", "mcc"), on="merchant_id", how="left")
        .join(read["fraud_labels"].select("payment_id", "is_fraud", "label_ts"), on="payment_id", how="left")
        .write_parquet(out)
    )  # fmt: skip
    return out


def _read(folder: Path, name: str) -> pl.DataFrame:
    if (whole := folder / f"{name}.parquet").is_file():
        return pl.read_parquet(whole)
    path = folder / f"{name}.csv"
    if not path.is_file():
        raise NoDataset(folder=folder.name, file=f"{name}.csv")
    return pl.read_csv(path, infer_schema_length=None, schema_overrides=_texts(path))


def _texts(path: Path) -> dict[str, type[pl.DataType]]:
    with path.open(encoding="utf-8") as file:
        header = file.readline().strip().split(",")
    return {name: pl.String for name in TEXTS if name in header}
