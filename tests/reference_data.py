"""Transactional tests end with every table emptied: this puts back what migrations had filled."""

from __future__ import annotations

from importlib import import_module

from django.apps import apps
from django.core.management.sql import emit_post_migrate_signal

from apps.payments.models import PaymentStatus


def restore_reference_data() -> None:
    if PaymentStatus.objects.exists():
        return
    import_module("apps.payments.migrations.0001_initial").fill_reference_tables(apps, None)
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
