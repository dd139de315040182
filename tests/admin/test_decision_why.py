"""The page of a decision that a scorer had its part in: sentences, steps, what the customer may be told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from django.utils.translation import override

from apps.compliance.models import Tenant
from apps.fraud.admin.decision_cells import score_text, share_text
from apps.fraud.engine.decide import RuleHit
from apps.fraud.models import Decision
from apps.fraud.services import explanations
from apps.fraud.state.scorer_memory import scorer_memory
from kivendtout.lib.tenancy import tenant_scope
from tests.admin.conftest import ClientOf
from tests.admin.pages import object_url
from tests.fraud.explain.scored import alerted, decided, fraud_row
from tests.scorers.small import small_scorer

HIT = RuleHit("NIGHT", 1, 20, "", "MEDIUM", "La nuit.", "At night.")


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    scorer_memory._numbered.clear()
    explanations._row.cache_clear()


@pytest.fixture
def decision(tenant: Tenant) -> Decision:
    with tenant_scope(tenant.pk):
        made = decided(tenant, small_scorer(tenant), fraud_row(10), rules=(HIT,))
        alerted(made)
    return made


def read(client_of: ClientOf, row: object, role: str = "analyst", language: str = "en") -> str:
    client = client_of(role)
    client.cookies["django_language"] = language
    return unescape(client.get(object_url(row), headers={"accept-language": language}).content.decode())


def section(html: str, key: str) -> str:
    found = re.search(rf'<section class="kvt-card" id="{key}">(.*?)</section>', html, re.DOTALL)
    assert found is not None, key
    return found[1]


def test_the_top_reasons_come_first_as_sentences(decision: Decision, client_of: ClientOf) -> None:
    html = read(client_of, decision)
    assert html.index('id="why"') < html.index('id="reasons"') < html.index('id="changes"')
    why = section(html, "why")
    assert "this customer's average" in why or "Amount €" in why
    assert "At night." in why


def test_the_steps_hold_rules_and_scorer_and_end_at_the_score_shown(decision: Decision, client_of: ClientOf) -> None:
    steps = section(read(client_of, decision), "reasons")
    shown = [float(text.replace("−", "-")) for text in re.findall(r"</svg>(?:<strong>)?([−\d.]+)", steps)]
    *shares, total = shown
    assert round(sum(shares), 3) == total == round(decision.score, 3)
    for text in ("At night.", "Where the scorer starts", "The scorer's other signals", "amount_eur = "):
        assert text in steps, text


@override("en")
def test_a_score_is_rounded_where_it_is_written_and_where_it_is_added_up() -> None:
    assert (score_text(0.5349), share_text(0.5349, 0.2), share_text(0.2, 0.5349)) == ("0.535", "−0.335", "0.335")


def test_what_would_have_turned_it_is_asked_of_the_scorer(tenant: Tenant, client_of: ClientOf) -> None:
    with tenant_scope(tenant.pk):
        made = decided(tenant, small_scorer(tenant), fraud_row(18))
    changes = section(read(client_of, made), "changes")
    assert "At 101\u00a0€" in changes and "Under " not in changes


def test_what_the_customer_may_be_told_stands_in_both_languages(decision: Decision, client_of: ClientOf) -> None:
    told = section(read(client_of, decision), "customer")
    texts = dict(re.findall(r'<blockquote id="letter-\w+" lang="(\w+)">(.*?)</blockquote>', told))
    assert set(texts) == {"fr", "en"}
    assert not any(re.search(r"\d|NIGHT|amount_", text) for text in texts.values())
    assert texts["en"].startswith("We ")


def test_the_page_speaks_french(decision: Decision, client_of: ClientOf) -> None:
    html = read(client_of, decision, language="fr")
    assert "La nuit." in section(html, "why")
    assert "Point de départ du modèle" in section(html, "reasons")


def test_a_scorer_that_cannot_be_read_is_said_so_and_rules_are_shown(tenant: Tenant, client_of: ClientOf) -> None:
    with tenant_scope(tenant.pk):
        made = decided(tenant, small_scorer(tenant), fraud_row(10), rules=(HIT,), scorer_version="99:000000000000")
    html = read(client_of, made)
    assert "cannot be read any more" in section(html, "why")
    assert "At night." in section(html, "reasons")
    assert "nothing is claimed" in section(html, "changes")


def test_an_alerts_page_tells_its_top_reasons(decision: Decision, tenant: Tenant, client_of: ClientOf) -> None:
    with tenant_scope(tenant.pk):
        alert = decision.payment.alerts.get()
    assert "At night." in section(read(client_of, alert), "why")


def test_an_outsider_reads_nothing_of_it(decision: Decision, client_of: ClientOf) -> None:
    assert "At night." not in read(client_of, decision, "outsider")
