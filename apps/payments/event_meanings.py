"""What each field of a message is, in a sentence that partners read in the schemas."""

from __future__ import annotations

from typing import Final

_VERSION: Final = {"schema_version": "Version of this message; 1 is the only one there is."}
_CUSTOMER: Final = {"customer_id": "The customer, as the sender calls them. It is the key of the message."}
_SESSION: Final = {"session_id": "The visit, as the sender calls it."}
_CURRENCY: Final = {"currency": "ISO 4217 code."}
_NETWORK: Final = {
    "ip_hash": "A hash of the visitor's address, never the address. Only a keyed hash of it is stored.",
    "utm_source": "Where the visit came from, as its link said.",
    "utm_campaign": "Campaign of the link that the visit came from.",
}
PAYMENT: Final = {
    **_VERSION,
    **_CUSTOMER,
    **_SESSION,
    **_CURRENCY,
    **_NETWORK,
    "payment_id": "The payment, as the sender calls it: the same in its attempt and in its result.",
    "event": "The attempt, or what became of it.",
    "attempted_at": "Time of the attempt, in the attempt and in its result alike.",
    "amount": "Decimal written as text, with no more decimals than the currency has.",
    "method": "How it is paid.",
    "card_bin": "First six or eight digits of the card. The card number itself is refused.",
    "last_four": "Last four digits of the card.",
    "card_fingerprint": "The payment provider's token for the card. Only a keyed hash of it is stored.",
    "issuer_country": "Country of the card's issuer, ISO 3166-1.",
    "payment_country": "Country that the payment is made from, ISO 3166-1.",
    "device_id": "The device, as the sender calls it.",
    "device_kind": "What it is paid with.",
    "os": "Operating system of the device.",
    "browser": "Browser, or application.",
    "merchant_id": "The merchant, as the sender calls them. An unknown one refuses the payment.",
    "failure_code": "Why the payment failed, in the provider's code.",
    "session_started_at": "When the visit began.",
    "ip_country": "Country of the visitor's address, ISO 3166-1.",
    "billing_country": "Country of the billing address, ISO 3166-1.",
    "cart_at": "Time of the last cart event before the payment.",
    "basket_size": "Articles in the basket.",
    "adult_restricted": "Something in the basket is for adults only.",
}
ORDER: Final = {
    **_VERSION,
    **_CUSTOMER,
    **_SESSION,
    **_CURRENCY,
    "order_id": "The order, as the sender calls it.",
    "placed_at": "When it was placed.",
    "total": "Decimal written as text, with no more decimals than the currency has.",
    "status": "Where the order stands.",
    "shipping_method": "How it is sent.",
    "payment_id": "The payment that pays it. It may come later than the order.",
    "items": "Its lines.",
    "product_id": "The product, as the sender calls it.",
    "quantity": "How many.",
    "unit_price": "Price of one, as decimal text. Without it the product's list price counts.",
}
BEHAVIOUR: Final = {
    **_VERSION,
    **_SESSION,
    **_NETWORK,
    "customer_id": "The customer, when they are known. It is the key of the message, which is empty for strangers.",
    "event_id": "The event, as the sender calls it: the same event sent twice is kept once.",
    "type": "What happened, such as page_view or add_to_cart.",
    "at": "When it happened.",
    "device": "What it was done with.",
    "product_id": "The product that it was about.",
    "cart_value": "Value of the cart after it, as decimal text.",
    "payment_id": "The payment that it was about.",
    "order_id": "The order that it was about.",
}
