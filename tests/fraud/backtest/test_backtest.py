"""A rule over the small shop's week: each figure is one that a reader of `conftest.py` can count by hand."""

from __future__ import annotations

import json
import os
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest import approx

from apps.compliance.models import Tenant
from apps.fraud.engine.rule_text import RuleText, Sentence
from apps.fraud.engine.rules import RuleSyntaxError
from apps.fraud.models import FraudLabel, RuleVersion
from apps.fraud.services.backtest import NotAMatrix, rule_backtest
from apps.fraud.services.backtest_result import BacktestResult
from apps.fraud.services.history import Period
from apps.fraud.services.rule_moves import move_to_live, rule_named, version_make
from apps.fraud.services.rulesets import ruleset_publish
from tests.factories import NOON, make_customer
from tests.fraud.backtest.conftest import DAY, exported, judge, make_shop, pay


def backtest(tenant: Tenant, expression: str, **more: Any) -> BacktestResult:
    return rule_backtest(tenant_id=tenant.pk, expression=expression, **more)


def live(tenant: Tenant, code: str, expression: str, **fields: Any) -> RuleVersion:
    content = RuleText(
        code=code, expression=expression, owner="team", sentence=Sentence("Fr.", "En."), **{"points": 30, **fields}
    )
    rule = rule_named(code=code, tenant_id=tenant.pk, now=NOON)
    version = version_make(rule=rule, content=content, author=None, now=NOON, shipped=True)
    move_to_live(version=version, actor=None, now=NOON)
    ruleset_publish(tenant_id=tenant.pk, actor=None, now=NOON, name="ours")
    return version


def test_it_counts_payments_customers_frauds_and_money(shop: Tenant) -> None:
    result = backtest(shop, "amount_eur > 100")
    assert (result.payments, result.hits, result.customers_hit) == (8, 4, 3)
    assert (result.frauds, result.frauds_hit, result.frauds_missed) == (2, 1, 1)
    assert (result.good, result.good_hit) == (6, 3)
    assert (result.good_customers, result.good_customers_hit) == (3, 2)
    assert (result.precision, result.recall, result.good_share_hit) == (1 / 4, 1 / 2, 1 / 2)
    assert (result.money_stopped_eur, result.money_missed_eur, result.money_annoyed_eur) == (500, 10, 570)
    assert (result.first_at, result.last_at) == (NOON, NOON + 6 * DAY)


def test_parameters_stand_in_the_expression(shop: Tenant) -> None:
    assert backtest(shop, "amount_eur > :limit", parameters={"limit": 300}).hits == 1
    assert backtest(shop, "payment_country = :where", parameters={"where": "BE"}).frauds_hit == 2


def test_it_counts_only_the_period_with_what_was_known_before_it(shop: Tenant) -> None:
    result = backtest(shop, "previous_payments > 0", period=Period(NOON + 2 * DAY, NOON + 5 * DAY))
    assert (result.payments, result.hits, result.frauds) == (3, 2, 2)


def test_a_period_without_payments_has_counts_and_no_rates(shop: Tenant) -> None:
    result = backtest(shop, "amount_eur > 100", period=Period(NOON + 100 * DAY))
    assert (result.payments, result.hits, result.frauds, result.money_annoyed_eur) == (0, 0, 0, 0)
    assert (result.precision, result.recall, result.good_share_hit, result.first_at) == (None, None, None, None)


def test_a_rule_that_hits_nothing_has_no_precision(shop: Tenant) -> None:
    result = backtest(shop, "amount_eur > 9999")
    assert (result.hits, result.precision, result.recall) == (0, None, 0)


def test_it_stands_beside_each_live_rule_and_says_what_it_adds(shop: Tenant) -> None:
    live(shop, "ABROAD", "payment_country = 'BE'", points=20)
    live(shop, "TINY", "amount_eur < 15", points=10)
    result = backtest(shop, "amount_eur > 100 OR amount_eur = 10")
    assert result.ruleset == "ours #2"
    abroad, tiny = result.overlap
    assert (abroad.code, abroad.hits, abroad.common) == ("ABROAD", 3, 3)
    assert (abroad.share_of_hits, abroad.share_of_rule) == (3 / 5, 1)
    assert (tiny.code, tiny.hits, tiny.common) == ("TINY", 1, 1)
    beyond = result.beyond
    assert (beyond.hits, beyond.frauds, beyond.good, beyond.fraud_eur, beyond.good_eur) == (2, 0, 2, 0, 420)
    # Only the 10 € has both rules, thus 30 points: all other hits are let through today.
    through = result.let_through
    assert (through.hits, through.frauds, through.fraud_eur, through.good_eur) == (4, 1, 500, 570)


def test_a_hard_action_stops_whatever_the_points(shop: Tenant) -> None:
    live(shop, "WALL", "payment_country = 'BE'", points=None, action="deny")
    assert backtest(shop, "payment_country = 'BE'").let_through.hits == 0
    live(shop, "FRIEND", "amount_eur = 300", points=None, action="allow")
    assert backtest(shop, "payment_country = 'BE'").let_through.hits == 0


def test_a_live_rule_counts_only_while_it_is_valid(shop: Tenant) -> None:
    from apps.fraud.engine.rule_text import Validity

    live(shop, "LATE", "amount_eur > 0", validity=Validity(NOON + 3 * DAY, NOON + 5 * DAY))
    [late] = backtest(shop, "amount_eur > 0").overlap
    assert late.hits == 2


def test_without_a_rule_set_everything_it_hits_is_new(shop: Tenant) -> None:
    result = backtest(shop, "amount_eur > 100")
    assert (result.ruleset, result.overlap, result.beyond.hits) == ("", (), 4)


def test_another_tenants_payments_are_never_counted(shop: Tenant, neighbour: Tenant) -> None:
    before = backtest(shop, "amount_eur > 100")
    make_shop(neighbour)
    pay(neighbour, make_customer(neighbour), 900, NOON + DAY)
    assert backtest(shop, "amount_eur > 100").hits == before.hits
    assert backtest(neighbour, "amount_eur > 100").hits == 5


def test_the_matrix_is_made_once_and_kept_for_its_owner(shop: Tenant, feature_cache: Path) -> None:
    assert backtest(shop, "amount_eur > 100").exported
    assert not backtest(shop, "hour = 13", period=Period(NOON)).exported
    [file] = feature_cache.iterdir()
    assert (file.stat().st_mode & 0o777, feature_cache.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_new_payment_makes_the_matrix_anew(shop: Tenant, feature_cache: Path) -> None:
    backtest(shop, "amount_eur > 100")
    pay(shop, make_customer(shop), 200, NOON + 7 * DAY)
    result = backtest(shop, "amount_eur > 100")
    assert (result.exported, result.hits) == (True, 5)
    assert len(list(feature_cache.iterdir())) == 1


def test_a_new_or_changed_verdict_makes_the_matrix_anew(shop: Tenant) -> None:
    backtest(shop, "amount_eur > 100")
    judge(pay(shop, make_customer(shop), 200, NOON + 7 * DAY), is_fraud=True, known_at=NOON + 9 * DAY)
    assert backtest(shop, "amount_eur > 100").frauds_hit == 2
    FraudLabel.objects.filter(payment__external_id__isnull=False, known_at=NOON + 9 * DAY).update(is_fraud=False)
    assert backtest(shop, "amount_eur > 100").frauds_hit == 1


def test_half_a_matrix_is_never_left_behind(shop: Tenant, feature_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("apps.fraud.services.feature_matrix.MatrixWriter.write", fails)
    with pytest.raises(OSError, match="no space"):
        backtest(shop, "amount_eur > 100")
    assert list(feature_cache.iterdir()) == []


def test_a_matrix_exported_by_hand_serves_too(shop: Tenant, tmp_path: Path) -> None:
    exported(shop, tmp_path)
    result = backtest(shop, "amount_eur > 100", features=tmp_path / f"{shop.slug}.parquet")
    assert (result.hits, result.exported) == (4, False)


def test_what_is_no_matrix_is_refused(shop: Tenant, tmp_path: Path) -> None:
    import polars as pl

    with pytest.raises(NotAMatrix, match="export_features"):
        backtest(shop, "amount > 1", features=tmp_path / "none.parquet")
    pl.DataFrame({"amount": [1.0]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(NotAMatrix, match="it lacks reference_id"):
        backtest(shop, "amount > 1", features=tmp_path / "other.parquet")
    _done, matrix = exported(shop, tmp_path)
    pl.concat([matrix, matrix]).write_parquet(tmp_path / "twice.parquet")
    with pytest.raises(NotAMatrix, match="stands in it twice"):
        backtest(shop, "amount > 1", features=tmp_path / "twice.parquet")


def test_an_expression_that_cannot_be_read_is_refused_before_anything_is_made(
    shop: Tenant, feature_cache: Path
) -> None:
    with pytest.raises(RuleSyntaxError, match="Did you mean 'amount_eur'"):
        backtest(shop, "amount_euro > 100")
    with pytest.raises(RuleSyntaxError, match="no list 'nowhere'"):
        backtest(shop, "list('nowhere')")
    assert not feature_cache.exists() or os.listdir(feature_cache) == []


def command(*words: str) -> dict[str, Any]:
    out = StringIO()
    call_command("backtest_rule", *words, "--json", stdout=out, verbosity=0)
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


def test_the_command_prints_one_object(shop: Tenant) -> None:
    said = command("amount_eur > :limit", "--param", "limit=100", "--from", "2025-12-01", "--to", "2025-12-04")
    assert (said["payments"], said["hits"], said["frauds_hit"]) == (4, 2, 0)
    assert (said["precision"], said["recall"]) == (0, None)
    assert said["seconds"] > 0


def test_the_command_prints_a_page_for_people(shop: Tenant) -> None:
    live(shop, "ABROAD", "payment_country = 'BE'")
    out = StringIO()
    call_command("backtest_rule", "amount_eur > 100", stdout=out, verbosity=0)
    text = out.getvalue()
    assert "2025-12-01 to 2025-12-07" in text
    assert "precision" in text and "25.0%" in text
    assert "Beside ours #1:" in text
    assert "Hit by none of them: 0 frauds (0 €) and 2 good payments (420 €)." in text


def test_the_command_marks_the_wrong_character(shop: Tenant) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("backtest_rule", "amount_eur > 10\n  AND amout < 3")
    lines = str(caught.value).splitlines()
    assert lines[-3:-1] == ["    AND amout < 3", "        ^^^^^"]
    assert "Did you mean 'amount'?" in lines[-1]
    assert caught.value.returncode == 1


def test_the_command_says_that_a_period_is_empty(shop: Tenant) -> None:
    out = StringIO()
    call_command("backtest_rule", "amount_eur > 10", "--from", "2030-01-01", stdout=out, verbosity=0)
    assert out.getvalue().strip() == "No payment lies in this period."
    assert command("amount_eur > 10", "--from", "2030-01-01")["payments"] == 0
    with pytest.raises(CommandError, match="ends before it begins"):
        command("amount_eur > 10", "--from", "2030-01-01", "--to", "2029-01-01")


def test_rates_are_shares_of_distinct_payments(shop: Tenant) -> None:
    """A payment that has two verdicts is one payment."""
    [label] = FraudLabel.objects.filter(known_at=NOON + 20 * DAY, is_fraud=True)
    FraudLabel.objects.create(payment_id=label.payment_id, is_fraud=True, known_at=NOON + 30 * DAY, source="analyst")
    result = backtest(shop, "payment_country = 'BE'")
    assert (result.payments, result.frauds, result.precision) == (8, 2, approx(2 / 3))
