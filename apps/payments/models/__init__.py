from apps.payments.models.order import Order, OrderItem
from apps.payments.models.payment import (
    Payment,
    PaymentReference,
    PaymentStateChange,
    PaymentStatus,
    PaymentTransition,
)
from apps.payments.models.reference import Currency, Merchant, PaymentMethod, Product

__all__ = [
    "Currency",
    "Merchant",
    "Order",
    "OrderItem",
    "Payment",
    "PaymentMethod",
    "PaymentReference",
    "PaymentStateChange",
    "PaymentStatus",
    "PaymentTransition",
    "Product",
]
