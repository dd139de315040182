from apps.fraud.models.alert import FraudAlert, FraudLabel

__all__ = ["FraudAlert", "FraudLabel"]
