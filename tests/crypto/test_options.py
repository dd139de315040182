"""What a model may ask of an encrypted field, and what migrations write down about it."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django import forms
from django.contrib.admin import ModelAdmin, site
from django.contrib.admin.widgets import AdminDateWidget, AdminTextareaWidget
from django.db import models
from django.db.migrations.writer import MigrationWriter
from django.test.utils import isolate_apps

from kivendtout.lib.crypto.fields import BlindIndexField, EncryptedDateField, EncryptedEmailField, EncryptedTextField
from kivendtout.lib.crypto.operations import InstallCryptoFunctions
from tests.crypto.app.models import Person


def problems_of(fields: dict[str, Any], **meta: Any) -> set[str]:
    """The ids of what the system checks say about a model that exists for one test."""
    with isolate_apps("tests.crypto"):
        options = type("Meta", (), {"app_label": "crypto", **meta})
        model: Any = type("OneTest", (models.Model,), {"__module__": __name__, "Meta": options, **fields})
        return {str(message.id) for message in model.check() if str(message.id).startswith("kvt.")}


@pytest.mark.parametrize("option", [{"unique": True}, {"db_index": True}, {"db_default": "x"}])
def test_it_refuses_what_needs_equal_bytes(option: dict[str, Any]) -> None:
    assert problems_of({"name": EncryptedTextField(**option)}) == {"kvt.E010"}


def test_it_refuses_constraints_and_indexes_and_warns_of_ordering() -> None:
    unique = models.UniqueConstraint(fields=["name"], name="u")
    assert problems_of({"name": EncryptedTextField()}, constraints=[unique]) == {"kvt.E010"}
    assert problems_of({"name": EncryptedTextField()}, indexes=[models.Index(fields=["-name"], name="i")]) == {
        "kvt.E010"
    }
    assert problems_of({"name": EncryptedTextField()}, ordering=["-name"]) == {"kvt.W011"}
    assert problems_of({"name": EncryptedTextField()}) == set()


@pytest.mark.parametrize("source", ["absent", "city"])
def test_it_refuses_an_index_of_what_is_not_encrypted(source: str) -> None:
    fields = {"city": models.TextField(), "index": BlindIndexField(source=source)}
    assert problems_of(fields) == {"kvt.E012"}


def test_it_refuses_an_unknown_normaliser() -> None:
    with pytest.raises(ValueError, match="choose one of email, text, phone, exact"):
        BlindIndexField(source="email", normalise="upper")


def test_it_is_written_into_migrations_and_read_back() -> None:
    for field in (
        EncryptedTextField(null=True),
        EncryptedEmailField(blank=True),
        EncryptedDateField(),
        BlindIndexField(source="email", normalise="email", purpose="shared", unique=True),
        BlindIndexField(source="email", null=True),
    ):
        _, path, args, kwargs = field.deconstruct()
        assert path.startswith("kivendtout.lib.crypto.")
        assert type(field)(*args, **kwargs).deconstruct()[1:] == field.deconstruct()[1:]
        assert "kivendtout.lib.crypto" in MigrationWriter.serialize(field)[0]
    assert InstallCryptoFunctions().deconstruct()[0] == "InstallCryptoFunctions"


def test_it_keeps_the_form_fields_of_its_kind() -> None:
    form = forms.modelform_factory(Person, fields=["name", "email", "birth_date"])
    kinds = {name: type(field) for name, field in form.base_fields.items()}
    assert kinds == {"name": forms.CharField, "email": forms.EmailField, "birth_date": forms.DateField}
    bad = form({"name": "a\0b", "email": "no address", "birth_date": "never"})
    assert set(bad.errors) == {"name", "email", "birth_date"}


def test_it_takes_the_widgets_of_the_admin() -> None:
    admin_form = ModelAdmin(Person, site).get_form(None, fields=["name", "birth_date"])  # type: ignore[arg-type]
    widgets = {name: type(field.widget) for name, field in admin_form.base_fields.items()}
    assert widgets == {"name": AdminTextareaWidget, "birth_date": AdminDateWidget}


@pytest.mark.usefixtures("tables")
def test_it_saves_what_a_form_brings() -> None:
    form = forms.modelform_factory(Person, fields=["city", "name", "email", "birth_date"])
    filled = form({"city": "Lille", "name": "Ada", "email": "ada@x.org", "birth_date": "1990-02-28"})
    assert filled.is_valid(), filled.errors
    filled.save()
    person = Person.objects.get(email_index__matches="ADA@x.org")
    assert (person.name, person.birth_date) == ("Ada", datetime.date(1990, 2, 28))
    again = form({"city": "Lille", "name": "Ada", "email": "ada@x.org", "birth_date": "1990-02-28"}, instance=person)
    assert again.is_valid() and not again.has_changed()
