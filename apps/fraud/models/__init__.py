from apps.fraud.models.alert import FraudAlert, FraudLabel
from apps.fraud.models.alert_change import AlertChange, AlertChangeCounter
from apps.fraud.models.catalogue import FeatureCatalogue
from apps.fraud.models.dead_letter import DeadLetter
from apps.fraud.models.decision import Decision, IdempotencyRecord, Outbox, StateDebt
from apps.fraud.models.lists import FraudList, ListEntry, ListsVersion
from apps.fraud.models.outbox import OutboxLane
from apps.fraud.models.rule import Rule, RuleVersion
from apps.fraud.models.ruleset import ActiveRuleSet, RuleSet

__all__ = [
    "ActiveRuleSet",
    "AlertChange",
    "AlertChangeCounter",
    "DeadLetter",
    "Decision",
    "FeatureCatalogue",
    "FraudAlert",
    "FraudLabel",
    "FraudList",
    "IdempotencyRecord",
    "ListEntry",
    "ListsVersion",
    "Outbox",
    "OutboxLane",
    "Rule",
    "RuleSet",
    "RuleVersion",
    "StateDebt",
]
