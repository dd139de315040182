"""System checks: what must hold before the product runs."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register

OUR_APPS = {"compliance", "customers", "payments", "fraud"}
CLASSES = {"none", "personal", "sensitive", "card", "secret"}


@register()
def every_field_is_classified(app_configs: Any, **_kwargs: Any) -> list[CheckMessage]:
    """A column whose privacy class nobody wrote down could leak; it does not pass."""
    errors: list[CheckMessage] = []
    for model in apps.get_models():
        if model._meta.app_label not in OUR_APPS or model._meta.proxy:
            continue
        declared: dict[str, str] = getattr(model, "CLASSIFICATION", {})
        names = {field.name for field in model._meta.concrete_fields}
        if hasattr(model, "RETENTION") and not model.RETENTION:
            errors.append(Error(f"{model._meta.label} says no RETENTION.", id="kvt.E002"))
        for name in sorted(names - set(declared)):
            errors.append(
                Error(
                    f"{model._meta.label}.{name} has no privacy class.",
                    hint="Add it to the model's CLASSIFICATION.",
                    id="kvt.E001",
                )
            )
        for name, kind in declared.items():
            if kind not in CLASSES or name not in names:
                errors.append(
                    Error(
                        f"{model._meta.label}.CLASSIFICATION names {name!r}: {kind!r}, which is unknown.", id="kvt.E003"
                    )
                )
    return errors
