from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    name = "apps.payments"
    verbose_name = _("Payments")

    def ready(self) -> None:
        from apps.compliance.audit import audited
        from apps.payments import checks as _checks  # noqa: F401
        from apps.payments import events, models
        from kivendtout.lib.events import register_topics

        register_topics(*events.TOPICS)
        for model in (
            models.Merchant,
            models.Product,
            models.Order,
            models.PaymentMethod,
            models.Payment,
            models.PaymentStatus,
            models.PaymentTransition,
            models.Currency,
        ):
            audited(model)
