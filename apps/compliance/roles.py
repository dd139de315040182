"""The roles, what each may do, and why. The catalogue is executed: groups are made from it after every migration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps as django_apps
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


@dataclass(frozen=True)
class Role:
    code: str
    label: str | Promise
    why: str
    permissions: tuple[str, ...]
    staff: bool = True


def _views(*models: str) -> tuple[str, ...]:
    return tuple(f"{app}.view_{name}" for app, _dot, name in (model.partition(".") for model in models))


def _all(*models: str) -> tuple[str, ...]:
    return tuple(
        f"{app}.{verb}_{name}"
        for app, _dot, name in (model.partition(".") for model in models)
        for verb in ("view", "add", "change", "delete")
    )


CUSTOMER_MODELS = (
    "customers.customer",
    "customers.address",
    "customers.device",
    "customers.websession",
    "customers.consent",
)
PAYMENT_MODELS = (
    "payments.currency",
    "payments.merchant",
    "payments.product",
    "payments.order",
    "payments.orderitem",
    "payments.paymentmethod",
    "payments.payment",
    "payments.paymentstatus",
    "payments.paymenttransition",
    "payments.paymentstatechange",
)
FRAUD_MODELS = (
    "fraud.decision",
    "fraud.fraudalert",
    "fraud.fraudlabel",
    "fraud.fraudlist",
    "fraud.listentry",
    "fraud.anomaly",  # those of payments only
)
# What decided is evidence too, and holds no personal data.
RULE_MODELS = ("fraud.rule", "fraud.ruleversion", "fraud.ruleset")
# What is the matter with scorers, and what each day's watch found: no personal data. Leads, administrators act on it.
WATCH = ("fraud.operationalalert", "fraud.scorerwatch")
OPERATE = "fraud.change_operationalalert"
SCORER_MODELS = ("fraud.scorer", "fraud.scorerchange")
# As with rules: an analyst proposes, a team lead lets it decide.
PROPOSE_SCORERS = ("fraud.propose_scorer",)
DRAFT_RULES = ("fraud.add_rule", "fraud.add_ruleversion", "fraud.change_ruleversion")
EVIDENCE = _views(*CUSTOMER_MODELS, *PAYMENT_MODELS, *FRAUD_MODELS, *RULE_MODELS, *SCORER_MODELS, *WATCH)
# A list is made and changed, never deleted: decisions name it. To change an entry is to take it off.
LISTS = ("fraud.add_fraudlist", "fraud.change_fraudlist", "fraud.add_listentry", "fraud.change_listentry")
REVEAL = "customers.reveal_personal_data"
# Whole files of verdicts: scorers learn from them, so it is for those who answer for what they learn.
IMPORT_LABELS = "fraud.import_labels"
# How the stream does: counts of every tenant together, no message and no name.
STREAM = "fraud.view_outbox"
# Messages that could not be used, those of the own tenant. Sending one again is for whoever runs the installation.
DEAD_LETTERS = ("fraud.view_deadletter", "fraud.change_deadletter")
# What colleagues, programs and database roles did unlike themselves: for whoever answers for access, not for peers.
ACTIVITY = "fraud.review_activity_anomaly"
# How many anomalies a day people want to see, and how far the detectors have looked.
DETECTORS = ("fraud.view_anomalydetector", "fraud.change_anomalydetector")
BEAT_MODELS = (
    "django_celery_beat.periodictask",
    "django_celery_beat.intervalschedule",
    "django_celery_beat.crontabschedule",
)

ROLES = (
    Role(
        "administrator",
        _("Administrator"),
        gettext_noop("Sets up people, reference data and jobs; sees no personal data by default."),
        (
            *EVIDENCE,
            *_all("compliance.user", "payments.merchant", "payments.product"),
            *LISTS,
            IMPORT_LABELS,
            # Jobs and currencies serve every tenant: who runs the installation changes them (a superuser), nobody else.
            *_views(*BEAT_MODELS),
            STREAM,
            *DEAD_LETTERS,
            OPERATE,
            ACTIVITY,
            *DETECTORS,
            # A key is made and revoked, never changed or deleted: the audit trail goes on naming it.
            *_views("compliance.apikey"),
            "compliance.add_apikey",
            "compliance.change_apikey",
            "compliance.view_tenant",
            "compliance.change_tenant",
            "compliance.view_auditentry",
            "auth.view_group",
        ),
    ),
    Role(
        "developer",
        _("Developer"),
        gettext_noop("Integrates and debugs: reference data and jobs, no customer and no payment."),
        (
            *_views("payments.currency", "payments.merchant", "payments.product"),
            *_views("payments.paymentstatus", "payments.paymenttransition", *BEAT_MODELS),
            STREAM,
        ),
    ),
    Role("read_only", _("Read-only"), gettext_noop("Looks, changes nothing, reveals nothing."), EVIDENCE),
    Role(
        "analyst",
        _("Analyst"),
        gettext_noop("Judges payments and alerts, and may reveal a customer's data with a reason."),
        (
            *EVIDENCE,
            "payments.change_payment_status",
            "fraud.change_fraudalert",
            "fraud.change_anomaly",
            "fraud.add_listentry",
            *DRAFT_RULES,
            *PROPOSE_SCORERS,
            REVEAL,
        ),
    ),
    Role(
        "lead",
        _("Team lead"),
        gettext_noop("Everything an analyst may, and the reference data the rules lean on."),
        (
            *EVIDENCE,
            "payments.change_payment_status",
            "fraud.change_fraudalert",
            "fraud.change_anomaly",
            *DETECTORS,
            REVEAL,
            *DRAFT_RULES,
            "fraud.approve_rule",
            *PROPOSE_SCORERS,
            "fraud.promote_scorer",
            *LISTS,
            IMPORT_LABELS,
            OPERATE,
            *_views("fraud.deadletter"),
            "payments.change_merchant",
            "payments.change_product",
            "compliance.view_user",
        ),
    ),
    Role(
        "compliance_officer",
        _("Compliance officer"),
        gettext_noop(
            "Answers regulators: reads evidence and the audit trail, reveals with a reason, changes no decision."
        ),
        (*EVIDENCE, REVEAL, ACTIVITY, "compliance.view_auditentry", "compliance.view_user", "compliance.view_tenant"),
    ),
    Role(
        "partner",
        _("Partner"),
        gettext_noop("A partner's technical account: the API only, never the admin site."),
        (),
        staff=False,
    ),
)
BY_CODE = {role.code: role for role in ROLES}


def sync_roles() -> None:
    """Make the groups say exactly what the catalogue says; a permission that does not exist is an error."""
    from django.contrib.auth.models import Group, Permission

    known = {
        f"{app}.{code}": pk
        for pk, app, code in Permission.objects.values_list("pk", "content_type__app_label", "codename")
    }
    for role in ROLES:
        group, _created = Group.objects.get_or_create(name=role.code)
        group.permissions.set([known[name] for name in role.permissions])


def sync_roles_after_migrate(sender: Any, **_kwargs: Any) -> None:
    """Permissions are made app by app; the groups can be filled once the last app has its own."""
    last = [config for config in django_apps.get_app_configs() if config.models_module is not None][-1]
    if sender is last and not _kwargs.get("plan_is_partial"):
        sync_roles()
