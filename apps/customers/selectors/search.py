"""Finding customers by what identifies them exactly: number, e-mail, phone. None of it reads a table through."""

from __future__ import annotations

from django.db.models import Q

from apps.customers.models import Customer

# A phone or an address is shared by a household, not by a crowd.
MOST_FOUND = 20


def looks_like_phone(text: str) -> bool:
    digits = sum(char.isdigit() for char in text)
    return digits >= 6 and all(char.isdigit() or char in "+-./() " for char in text)


def is_personal(term: str) -> bool:
    return "@" in term or looks_like_phone(term)


def identity(term: str) -> Q | None:
    """The e-mail or phone that the term is, as a look into its blind index; None when it is neither."""
    if "@" in term:
        return Q(email_index__matches=term)
    return Q(phone_index__matches=term) if looks_like_phone(term) else None


def exactly(term: str) -> Q:
    """Customers whose number, e-mail or phone is the term; several numbers stand with commas between them."""
    found = Q(external_id__in=[part.strip() for part in term.split(",")][:MOST_FOUND])
    who = identity(term)
    return found if who is None else found | who


def customer_ids(term: str) -> list[int]:
    return list(Customer.objects.filter(exactly(term)).values_list("pk", flat=True)[:MOST_FOUND])


def customer_numbers(term: str) -> list[str]:
    return list(
        Customer.objects.filter(exactly(term)).order_by("pk").values_list("external_id", flat=True)[:MOST_FOUND]
    )
