"""The admin pages of alerts, labels, lists and rules; alerts and labels also stand on their payment's page."""

from apps.fraud.admin.alert import FraudAlertAdmin
from apps.fraud.admin.anomaly import AnomalyAdmin, anomalies_of_payment
from apps.fraud.admin.anomaly_detectors import AnomalyDetectorAdmin
from apps.fraud.admin.belongings import of_payment
from apps.fraud.admin.dead_letters import DeadLetterAdmin
from apps.fraud.admin.decision import DecisionAdmin
from apps.fraud.admin.label import FraudLabelAdmin
from apps.fraud.admin.list_entry import ListEntryAdmin
from apps.fraud.admin.lists import FraudListAdmin
from apps.fraud.admin.operational_alerts import OperationalAlertAdmin
from apps.fraud.admin.rules import RuleAdmin
from apps.fraud.admin.rulesets import RuleSetAdmin
from apps.fraud.admin.scorer_changes import ScorerChangeAdmin
from apps.fraud.admin.scorer_watch import ScorerWatchAdmin
from apps.fraud.admin.scorers import ScorerAdmin
from apps.fraud.admin.stream import stream_page
from apps.payments.admin.payment_page import PAYMENT_SECTIONS

PAYMENT_SECTIONS.append(of_payment)
PAYMENT_SECTIONS.append(anomalies_of_payment)

__all__ = [
    "AnomalyAdmin",
    "AnomalyDetectorAdmin",
    "DeadLetterAdmin",
    "DecisionAdmin",
    "FraudAlertAdmin",
    "FraudLabelAdmin",
    "FraudListAdmin",
    "ListEntryAdmin",
    "OperationalAlertAdmin",
    "RuleAdmin",
    "RuleSetAdmin",
    "ScorerAdmin",
    "ScorerChangeAdmin",
    "ScorerWatchAdmin",
    "stream_page",
]
