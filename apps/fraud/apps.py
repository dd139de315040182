from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FraudConfig(AppConfig):
    name = "apps.fraud"
    verbose_name = _("Fraud")

    def ready(self) -> None:
        from apps.compliance.audit import audited
        from apps.compliance.services.demo import SEEDERS
        from apps.fraud import models
        from apps.fraud.events import alert, decision, label
        from apps.fraud.pages.alert_panel import alert_panel
        from apps.fraud.selectors.decision_chips import decisions_of_payments, waiting_tile
        from apps.payments.ingestion.registry import register_tables
        from apps.payments.pages.panels import register_panel
        from apps.payments.selectors.activity import register_extra, register_tile
        from kivendtout.lib.deadline import connect_signal
        from kivendtout.lib.events import register_topics

        plain = (
            models.DeadLetter,
            models.FraudAlert,
            models.FraudLabel,
            models.FraudList,
            models.Rule,
            models.RuleVersion,
            models.ActiveRuleSet,
            models.ActiveScorer,
            models.ScorerChange,
            models.OperationalAlert,
            models.Anomaly,
            models.AnomalyDetector,
        )
        for model in plain:
            audited(model)
        audited(models.ListEntry, except_for=("uses", "last_used_at", "changed_in"))
        audited(models.RuleSet, except_for=("content",))  # the digest says as much
        audited(models.Scorer, except_for=("parameters", "report", "baseline"))  # they never change
        register_tables("apps.fraud.ingestion")
        register_topics(decision.TOPIC, alert.TOPIC, label.TOPIC)
        SEEDERS.append("apps.fraud.services.demo.demo_seed_rules")
        register_extra("decision", decisions_of_payments)
        register_tile(waiting_tile)
        register_panel(alert_panel)
        connect_signal()
