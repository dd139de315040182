from apps.customers.models.behaviour import (
    BehaviourMark,
    BehaviourPeriod,
    FunnelHour,
    FunnelStep,
    PeriodKind,
    ProductDay,
    SessionDay,
)
from apps.customers.models.customer import Address, Consent, Customer, Segment
from apps.customers.models.device import Device, DeviceKind, WebSession

__all__ = [
    "Address",
    "BehaviourMark",
    "BehaviourPeriod",
    "Consent",
    "Customer",
    "Device",
    "DeviceKind",
    "FunnelHour",
    "FunnelStep",
    "PeriodKind",
    "ProductDay",
    "Segment",
    "SessionDay",
    "WebSession",
]
