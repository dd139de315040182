"""A decision comes out the same to the byte, whatever has changed since; and one that does not is told apart."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from django.db import IntegrityError, connection, transaction

from apps.compliance.models import Tenant, User
from apps.fraud.engine.features.catalogue import COLUMNS, INDEX, VERSION
from apps.fraud.models import Decision, FeatureCatalogue, ListEntry
from apps.fraud.selectors.catalogues import catalogue_index
from apps.fraud.services.replay import decision_replay
from tests.fraud.replay.conftest import Decides, country_list, engine_now, publish
from tests.fraud.scoring.events import NOON

pytestmark = pytest.mark.django_db


def parts(decision: Decision) -> set[str]:
    return {difference.part for difference in decision_replay(decision=decision).differences}


def test_a_decision_comes_out_the_same(in_tenant: Tenant, decides: Decides) -> None:
    publish(in_tenant, ("amount_eur > 10", 40), ("first_payment", 35))
    decision = decides()
    assert decision.outcome == Decision.Outcome.DENY
    replay = decision_replay(decision=decision)
    assert (replay.identical, replay.differences) == (True, [])


def test_a_decision_comes_out_the_same_when_the_rules_have_changed(in_tenant: Tenant, decides: Decides) -> None:
    publish(in_tenant, ("amount_eur > 10", 40))
    before = decides()
    publish(in_tenant, ("amount_eur > 10", 90), ("payment_country = 'FR'", "deny"))
    after = decides()
    assert (before.ruleset_number, after.ruleset_number) == (1, 2)
    assert decision_replay(decision=before).identical
    assert decision_replay(decision=after).identical


def test_a_decision_comes_out_the_same_when_the_lists_and_thresholds_have_changed(
    in_tenant: Tenant, decides: Decides, cast: dict[str, User]
) -> None:
    entry = country_list(in_tenant, "risky", "FR", cast["lead"])
    publish(in_tenant, ("payment_country IN list('risky')", 40), ("list('risky')", 35))
    decision = decides(engine=engine_now(in_tenant))
    assert decision.points == 75
    ListEntry.objects.filter(pk=entry.pk).update(removed_at=NOON)
    Tenant.objects.filter(pk=in_tenant.pk).update(challenge_threshold=Decimal("0.95"), deny_threshold=Decimal("0.99"))
    assert decision_replay(decision=decision).identical


def test_a_decision_without_any_rule_set_comes_out_the_same(decides: Decides) -> None:
    assert decision_replay(decision=decides()).identical


def test_a_decision_made_while_the_rules_were_down_comes_out_the_same(in_tenant: Tenant, decides: Decides) -> None:
    publish(in_tenant, ("amount_eur > 10", 90))
    engine = engine_now(in_tenant)
    down = type(engine)(engine.policy, engine.zone, engine.lists, None, False)
    decision = decides(engine=down)
    assert decision.degraded
    assert decision_replay(decision=decision).identical


def test_rules_on_trial_are_replayed_too(in_tenant: Tenant, decides: Decides) -> None:
    publish(in_tenant, ("amount_eur > 10", 40))
    decision = decides()
    decision.inputs = decision.inputs.replace('"shadow":[]', '"shadow":["GHOST"]')
    assert parts(decision) == {"shadow"}


def test_another_value_in_the_row_is_found_out(in_tenant: Tenant, decides: Decides) -> None:
    publish(in_tenant, ("amount_eur > 10", 40))
    decision = decides()
    row = msgspec.msgpack.decode(bytes(decision.features))
    row[INDEX["amount_eur"]] = 5.0
    decision.features = msgspec.msgpack.encode(row)
    [difference] = decision_replay(decision=decision).differences
    assert (difference.part, difference.computed) == ("rules", "[]")


@pytest.mark.parametrize(
    ("column", "value", "part"),
    [
        ("outcome", 0, "outcome"),
        ("points", 41, "points"),
        ("score", 0.1, "score"),
        ("degraded", True, "degraded"),
        ("ruleset_number", 999, "ruleset"),
        ("catalogue_version", "0" * 12, "features"),
        ("judgement", "{}", "stored"),
        ("features", b"\x93\x01", "stored"),
    ],
)
def test_whatever_was_altered_is_named(in_tenant: Tenant, decides: Decides, column: str, value: Any, part: str) -> None:
    publish(in_tenant, ("amount_eur > 10", 40))
    decision = decides()
    setattr(decision, column, value)
    assert parts(decision) == {part}


def test_one_changed_byte_of_the_judgement_is_found_out(in_tenant: Tenant, decides: Decides) -> None:
    publish(in_tenant, ("amount_eur > 10", 40))
    decision = decides()
    decision.judgement = decision.judgement.replace("Règle.", "Regle.")
    assert parts(decision) == {"judgement"}


def test_a_row_shorter_than_its_catalogue_is_said_to_be(in_tenant: Tenant, decides: Decides) -> None:
    decision = decides()
    row = msgspec.msgpack.decode(bytes(decision.features))
    decision.features = msgspec.msgpack.encode(row[:-1])
    assert parts(decision) == {"features"}


# --- catalogues that came and went ------------------------------------------------------------------------------------
def test_the_catalogue_is_written_down_with_the_first_decision(decides: Decides) -> None:
    decision = decides()
    written = FeatureCatalogue.objects.get(pk=decision.catalogue_version)
    assert (written.version, written.columns) == (VERSION, COLUMNS)
    decides()
    assert FeatureCatalogue.objects.count() == 1


def test_a_row_of_an_earlier_catalogue_is_read_by_its_own_names(in_tenant: Tenant, decides: Decides) -> None:
    publish(in_tenant, ("amount_eur > 10 AND payment_country = 'FR'", 40))
    decision = decides()
    lines = COLUMNS.split("\n")
    earlier = "\n".join([*reversed(lines), "forgotten_feature number"])
    version = sha256(earlier.encode()).hexdigest()[:12]
    FeatureCatalogue.objects.create(version=version, columns=earlier, first_used_at=NOON)
    row = msgspec.msgpack.decode(bytes(decision.features))
    decision.features = msgspec.msgpack.encode([*reversed(row), 7.5])
    decision.catalogue_version = version
    assert catalogue_index(version)["forgotten_feature"] == len(INDEX)
    assert decision_replay(decision=decision).identical


def test_the_database_holds_catalogues_to_their_version() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        FeatureCatalogue.objects.create(version="0" * 12, columns="amount number", first_used_at=NOON)


@pytest.mark.parametrize("statement", ["UPDATE fraud_featurecatalogue SET first_used_at = now()",
                                       "DELETE FROM fraud_featurecatalogue"])  # fmt: skip
def test_catalogues_are_neither_changed_nor_deleted(decides: Decides, statement: str) -> None:
    decides()
    with pytest.raises(IntegrityError, match="is a record"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
