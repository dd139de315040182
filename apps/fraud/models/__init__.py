from apps.fraud.models.alert import FraudAlert, FraudLabel
from apps.fraud.models.alert_change import AlertChange, AlertChangeCounter
from apps.fraud.models.anomaly import Anomaly, AnomalyDetector, AnomalyKind
from apps.fraud.models.catalogue import FeatureCatalogue
from apps.fraud.models.dead_letter import DeadLetter
from apps.fraud.models.decision import Decision, IdempotencyRecord, Outbox, StateDebt
from apps.fraud.models.label_version import LabelVersion
from apps.fraud.models.lists import FraudList, ListEntry, ListsVersion
from apps.fraud.models.outbox import OutboxLane
from apps.fraud.models.rule import Rule, RuleVersion
from apps.fraud.models.ruleset import ActiveRuleSet, RuleSet
from apps.fraud.models.scorer import ActiveScorer, Scorer, ScorerArtefact, ScorerChange, ScorerPicture
from apps.fraud.models.scorer_traces import Explanation, ShadowScore
from apps.fraud.models.watch import OperationalAlert, ScorerWatch

__all__ = [
    "ActiveRuleSet",
    "ActiveScorer",
    "AlertChange",
    "AlertChangeCounter",
    "Anomaly",
    "AnomalyDetector",
    "AnomalyKind",
    "DeadLetter",
    "Decision",
    "Explanation",
    "FeatureCatalogue",
    "FraudAlert",
    "FraudLabel",
    "FraudList",
    "IdempotencyRecord",
    "LabelVersion",
    "ListEntry",
    "ListsVersion",
    "OperationalAlert",
    "Outbox",
    "OutboxLane",
    "Rule",
    "RuleSet",
    "RuleVersion",
    "Scorer",
    "ScorerArtefact",
    "ScorerChange",
    "ScorerPicture",
    "ScorerWatch",
    "ShadowScore",
    "StateDebt",
]
