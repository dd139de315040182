from apps.customers.models.customer import Address, Consent, Customer, Segment
from apps.customers.models.device import Device, DeviceKind, WebSession

__all__ = ["Address", "Consent", "Customer", "Device", "DeviceKind", "Segment", "WebSession"]
