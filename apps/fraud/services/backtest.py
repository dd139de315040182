"""What a rule would have done: over a stored period, beside the rules that are live. Needs Polars; run it in a job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import polars as pl
from django.utils.translation import gettext_noop
from msgspec.structs import replace

from apps.compliance.models import Tenant
from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.engine.rules import Expression, RuleSyntaxError, compile_polars, lists, names, parse
from apps.fraud.engine.ruleset import Parameter, SnapshotRule, snapshot_read
from apps.fraud.models import FraudList
from apps.fraud.selectors.list_columns import list_bases, list_columns, list_members
from apps.fraud.selectors.rules import ruleset_active
from apps.fraud.services.backtest_result import BacktestResult, Beyond, Overlap, share
from apps.fraud.services.feature_cache import feature_matrix
from apps.fraud.services.history import EVER, Period, Progress
from kivendtout.lib.clock import moment_of, now
from kivendtout.lib.errors import InvalidInput
from kivendtout.lib.tenancy import tenant_scope

HIT: Final = "hit:"
FACTS: Final = ("reference_id", "customer", "at", "is_fraud", "amount_eur")


class NotAMatrix(InvalidInput):
    code = "not_a_feature_matrix"
    message = gettext_noop("%(file)s is no feature matrix (%(problem)s). Make one with `manage.py export_features`.")


def rule_backtest(
    *,
    tenant_id: int,
    expression: str,
    parameters: Mapping[str, Parameter] | None = None,
    period: Period = EVER,
    features: Path | None = None,
    progress: Progress | None = None,
) -> BacktestResult:
    """`features` names a matrix exported earlier; otherwise the tenant's own is used, and made when it is stale."""
    began = perf_counter()
    with tenant_scope(tenant_id):
        known = list(FraudList.objects.values_list("code", flat=True))
        tried = parse(expression, CATALOGUE, dict(parameters or {}), known)
        tenant = Tenant.objects.get(pk=tenant_id)
        path, exported = features, False
        if path is None:
            path, exported = feature_matrix(tenant=tenant, progress=progress)
        active = ruleset_active()
        live = [rule for rule in snapshot_read(active.content).rules if not rule.shadow] if active else []
        rules, left_out = rules_readable(live, path)
        frame = judged(path, {HIT: hits_column(tried, path), **rules}, period)
    told = {
        "expression": expression,
        "ruleset": str(active) if active else "",
        "not_compared": tuple(left_out),
        "exported": exported,
    }
    stopped = stopped_today(frame, [rule for rule in live if rule.code in rules], tenant)
    result = _result(frame, list(rules), stopped, {**told, "seconds": 0.0})
    return replace(result, seconds=round(perf_counter() - began, 3))


def matrix_columns(path: Path) -> list[str]:
    try:
        columns = pl.scan_parquet(path).collect_schema().names()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise NotAMatrix(file=path, problem=str(error).splitlines()[0]) from error
    if missing := [name for name in FACTS if name not in columns]:
        raise NotAMatrix(file=path, problem=f"it lacks {', '.join(missing)}")
    return columns


def judged(path: Path, columns: Mapping[str, pl.Expr], period: Period) -> pl.DataFrame:
    """The period's payments with a boolean column for each rule. Only the columns that these read leave the disk."""
    matrix = pl.scan_parquet(path)
    if period.start is not None:
        matrix = matrix.filter(pl.col("at") >= period.start.astimezone(UTC))
    if period.end is not None:
        matrix = matrix.filter(pl.col("at") < period.end.astimezone(UTC))
    facts = (
        pl.col("reference_id", "customer", "at"),
        pl.col("is_fraud").fill_null(False),
        pl.col("amount_eur").fill_null(0.0),
    )
    frame = matrix.select(*facts, **columns).collect()
    if frame["reference_id"].n_unique() != len(frame):
        raise NotAMatrix(file=path, problem="a payment stands in it twice")
    return frame


def hits_column(expression: Expression, path: Path) -> pl.Expr:
    """Lists are taken as they stand now."""
    used = lists(expression)
    if not used:
        return compile_polars(expression)
    bins: Sequence[str | None] = ()
    if "card_bin" in names(expression):
        bins = pl.scan_parquet(path).select(pl.col("card_bin").unique()).collect()["card_bin"].to_list()
    members = list_members(used, now=now(), bins=bins)
    return compile_polars(expression, members, list_columns(used))


def rules_readable(rules: Iterable[SnapshotRule], path: Path) -> tuple[dict[str, pl.Expr], list[str]]:
    """A column for each rule, by code; and the rules that read what this matrix does not have."""
    known = set(matrix_columns(path))
    columns: dict[str, pl.Expr] = {}
    left_out = []
    for rule in rules:
        try:
            expression = parse(rule.expression, CATALOGUE, rule.parameters)
        except RuleSyntaxError:  # of a snapshot older than the catalogue
            left_out.append(rule.code)
            continue
        if {*names(expression), *list_bases(lists(expression))} <= known:
            columns[rule.code] = in_force(rule, hits_column(expression, path))
        else:
            left_out.append(rule.code)
    return columns, left_out


def in_force(rule: SnapshotRule, hit: pl.Expr) -> pl.Expr:
    if rule.valid_from is not None:
        hit = hit & (pl.col("at") >= moment_of(rule.valid_from))
    if rule.valid_until is not None:
        hit = hit & (pl.col("at") < moment_of(rule.valid_until))
    return hit


def stopped_today(frame: pl.DataFrame, rules: Sequence[SnapshotRule], tenant: Tenant) -> pl.Series:
    """What the live rules challenge or deny by themselves: by their points together, or by a hard action."""

    def any_with(*actions: str) -> pl.Expr:
        return pl.any_horizontal(pl.lit(False), *(pl.col(rule.code) for rule in rules if rule.action in actions))

    points = pl.sum_horizontal(pl.lit(0), *(pl.col(rule.code).cast(pl.Int64) * (rule.points or 0) for rule in rules))
    enough = points >= round(100 * float(min(tenant.challenge_threshold, tenant.deny_threshold)))
    stopped = any_with("deny") | ((enough | any_with("challenge")) & ~any_with("allow"))
    return frame.select((stopped & (pl.int_range(pl.len()) >= 0)).alias("stopped"))["stopped"]


def _result(frame: pl.DataFrame, codes: Sequence[str], stopped: pl.Series, told: Mapping[str, Any]) -> BacktestResult:
    hit, fraud = frame[HIT], frame["is_fraud"]
    caught, bothered = hit & fraud, hit & ~fraud
    hits, frauds = _count(hit), _count(fraud)
    victims = frame.filter(fraud)["customer"].unique()
    honest = ~frame["customer"].is_in(victims.implode())
    return BacktestResult(
        first_at=frame["at"].min(),  # type: ignore[arg-type]  # of moments, the smallest is a moment
        last_at=frame["at"].max(),  # type: ignore[arg-type]
        payments=len(frame),
        hits=hits,
        customers_hit=_customers(frame, hit),
        frauds=frauds,
        frauds_hit=_count(caught),
        frauds_missed=frauds - _count(caught),
        good=len(frame) - frauds,
        good_hit=_count(bothered),
        good_customers=_customers(frame, honest),
        good_customers_hit=_customers(frame, hit & honest),
        precision=share(_count(caught), hits),
        recall=share(_count(caught), frauds),
        good_share_hit=share(_count(bothered), len(frame) - frauds),
        money_stopped_eur=_euros(frame, caught),
        money_missed_eur=_euros(frame, fraud & ~hit),
        money_annoyed_eur=_euros(frame, bothered),
        overlap=tuple(_overlap(code, frame[code], hit) for code in codes),
        beyond=_beyond(frame, hit, [frame[code] for code in codes]),
        let_through=_beyond(frame, hit, [stopped]),
        **told,
    )


def _overlap(code: str, rule: pl.Series, hit: pl.Series) -> Overlap:
    hits, common = _count(rule), _count(rule & hit)
    return Overlap(
        code=code, hits=hits, common=common, share_of_hits=share(common, _count(hit)), share_of_rule=share(common, hits)
    )


def _beyond(frame: pl.DataFrame, hit: pl.Series, others: Iterable[pl.Series]) -> Beyond:
    for other in others:
        hit = hit & ~other
    caught, bothered = hit & frame["is_fraud"], hit & ~frame["is_fraud"]
    return Beyond(
        hits=_count(hit),
        frauds=_count(caught),
        good=_count(bothered),
        fraud_eur=_euros(frame, caught),
        good_eur=_euros(frame, bothered),
    )


def _count(column: pl.Series) -> int:
    return int(column.sum())


def _customers(frame: pl.DataFrame, which: pl.Series) -> int:
    return frame["customer"].filter(which).n_unique()


def _euros(frame: pl.DataFrame, which: pl.Series) -> float:
    return round(float(frame["amount_eur"].filter(which).sum()), 2)
