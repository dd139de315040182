from apps.payments.ingestion.table import Table
from apps.payments.ingestion.tables import (
    catalogue,
    customers,
    details,
    events,
    items,
    orders,
    payments,
    profiles,
    sessions,
)

TABLES: tuple[Table, ...] = (
    customers.TABLE,
    profiles.TABLE,
    catalogue.MERCHANTS,
    catalogue.PRODUCTS,
    sessions.TABLE,
    details.TABLE,
    payments.TABLE,
    orders.TABLE,
    items.TABLE,
    events.TABLE,
)
