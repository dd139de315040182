from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CustomersConfig(AppConfig):
    name = "apps.customers"
    verbose_name = _("Customers")

    def ready(self) -> None:
        from apps.compliance.audit import audited
        from apps.customers import models

        for model in (models.Customer, models.Address, models.Device, models.Consent):
            audited(model)
