"""The admin pages of payments and what they point at, one file a noun."""

from apps.customers.admin.customer import CUSTOMER_SECTIONS
from apps.customers.admin.device import DEVICE_SECTIONS
from apps.customers.admin.session import SESSION_SECTIONS
from apps.payments.admin.belongings import of_customer, of_device, of_session
from apps.payments.admin.currency import CurrencyAdmin
from apps.payments.admin.merchant import MerchantAdmin
from apps.payments.admin.method import PaymentMethodAdmin
from apps.payments.admin.order import OrderAdmin
from apps.payments.admin.payment import PaymentAdmin
from apps.payments.admin.product import ProductAdmin
from apps.payments.admin.state_change import PaymentStateChangeAdmin
from apps.payments.admin.status import PaymentStatusAdmin, PaymentTransitionAdmin

CUSTOMER_SECTIONS.append(of_customer)
DEVICE_SECTIONS.append(of_device)
SESSION_SECTIONS.append(of_session)

__all__ = [
    "CurrencyAdmin",
    "MerchantAdmin",
    "OrderAdmin",
    "PaymentAdmin",
    "PaymentMethodAdmin",
    "PaymentStateChangeAdmin",
    "PaymentStatusAdmin",
    "PaymentTransitionAdmin",
    "ProductAdmin",
]
