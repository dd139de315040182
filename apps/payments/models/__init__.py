from apps.payments.models.order import Order, OrderItem
from apps.payments.models.payment import Payment
from apps.payments.models.reference import Currency, Merchant, PaymentMethod, Product
from apps.payments.models.status import PaymentReference, PaymentStateChange, PaymentStatus, PaymentTransition

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
