"""What the topics of this app carry: decisions, alerts, labels."""

from apps.fraud.events.alert import AlertEvent
from apps.fraud.events.decision import DecisionEvent
from apps.fraud.events.label import LabelEvent

__all__ = ["AlertEvent", "DecisionEvent", "LabelEvent"]
