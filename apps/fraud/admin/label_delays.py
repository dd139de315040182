"""How long labels take, above their list."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from django.core.cache import cache
from django.db import OperationalError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from redis.exceptions import RedisError

from apps.compliance.admin.limits import statement_limit, took_too_long
from apps.compliance.admin.present import Column, Section, Viewer, table
from apps.fraud.admin.decision_cells import percent
from apps.fraud.models import FraudLabel
from apps.fraud.selectors.label_delays import SHARES_AFTER, Delays, Group, LabelDelays, label_delays
from kivendtout.lib.clock import now

# Delays are counted in days; who leafs through the list need not wait for them each time.
KEPT_SECONDS: Final = 15 * 60
MILLISECONDS: Final = 2_000


def delays_section(viewer: Viewer, tenant_id: int) -> Section:
    found = _found(tenant_id)
    title = _("How long labels take to arrive")
    if found is None:
        note = _("There are too many labels to measure this here. The command “label_delays” does.")
        return Section("delays", title, note=note)
    rows: list[Group] = [Group("", True, "", found.first), *found.groups] if found.groups else []
    section = table(viewer, "delays", title, rows, _columns(), empty=_("There are no labels yet."))
    if found.proposed is not None:
        section.note = _(
            "By day %(days)s nine in ten labels of fraud have arrived: a training should leave out as many days."
        ) % {"days": found.proposed}
    return section


def _found(tenant_id: int) -> LabelDelays | None:
    key = f"label-delays:{tenant_id}"
    with suppress(RedisError):
        if (known := cache.get(key)) is not None:
            return known
    try:
        with statement_limit(MILLISECONDS):
            found = label_delays(tenant_id, on=now())
    except OperationalError as error:
        if not took_too_long(error):
            raise
        return None
    with suppress(RedisError):
        cache.set(key, found, KEPT_SECONDS)
    return found


def _columns() -> list[Column]:
    def share(days: int) -> Column:
        def draw(_viewer: Viewer, row: Group) -> str:
            found = row.delays.share_after[days]
            return "—" if found is None else percent(found, 0)

        return Column(_("by day %(days)s") % {"days": days}, draw, end=True)

    def days(label: Any, name: str) -> Column:
        def draw(_viewer: Viewer, row: Group) -> Any:
            found = getattr(row.delays, name)
            return "—" if found is None else found

        return Column(label, draw, end=True)

    assert {"labels", "median", "p90", "horizon_days"} <= set(Delays._fields)
    return [
        Column(gettext_lazy("source"), lambda _viewer, row: _source(row)),
        Column(gettext_lazy("verdict"), lambda _viewer, row: _("Fraud") if row.is_fraud else _("Genuine")),
        Column(gettext_lazy("pattern"), lambda _viewer, row: row.pattern or _("All")),
        days(gettext_lazy("labels"), "labels"),
        *(share(one) for one in SHARES_AFTER),
        days(gettext_lazy("half by day"), "median"),
        days(gettext_lazy("nine tenths by day"), "p90"),
        days(gettext_lazy("days seen"), "horizon_days"),
    ]


def _source(row: Group) -> Any:
    return FraudLabel.Source(row.source).label if row.source else _("Whoever is first")
