from apps.fraud.models.alert import FraudAlert, FraudLabel
from apps.fraud.models.lists import FraudList, ListEntry, ListsVersion

__all__ = ["FraudAlert", "FraudLabel", "FraudList", "ListEntry", "ListsVersion"]
