from apps.fraud.models.alert import FraudAlert, FraudLabel
from apps.fraud.models.decision import Decision, IdempotencyRecord, Outbox
from apps.fraud.models.lists import FraudList, ListEntry, ListsVersion

__all__ = [
    "Decision",
    "FraudAlert",
    "FraudLabel",
    "FraudList",
    "IdempotencyRecord",
    "ListEntry",
    "ListsVersion",
    "Outbox",
]
