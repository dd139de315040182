"""The admin pages of customers and what belongs to them, one file a noun."""

from apps.customers.admin.address import AddressAdmin
from apps.customers.admin.consent import ConsentAdmin
from apps.customers.admin.customer import CustomerAdmin
from apps.customers.admin.device import DeviceAdmin
from apps.customers.admin.session import WebSessionAdmin

__all__ = ["AddressAdmin", "ConsentAdmin", "CustomerAdmin", "DeviceAdmin", "WebSessionAdmin"]
