"""Tables of the encryption tests only; tests/crypto/conftest.py creates them."""

from __future__ import annotations

from django.db import models

from kivendtout.lib.crypto.fields import BlindIndexField, EncryptedDateField, EncryptedEmailField, EncryptedTextField

LABEL = "crypto_tests"


class Person(models.Model):
    city = models.CharField(max_length=40, default="Lyon")
    name = EncryptedTextField(null=True, blank=True)
    email = EncryptedEmailField(null=True, blank=True)
    email_index = BlindIndexField(source="email", normalise="email", null=True)
    birth_date = EncryptedDateField(null=True, blank=True)
    birth_index = BlindIndexField(source="birth_date", null=True)

    class Meta:
        app_label = LABEL
        constraints = [models.CheckConstraint(condition=~models.Q(city="Atlantis"), name="city_exists")]


class Badge(models.Model):
    person = models.ForeignKey(Person, models.CASCADE, related_name="badges")
    number = models.CharField(max_length=20, unique=True)
    phone = EncryptedTextField()
    phone_index = BlindIndexField(source="phone", normalise="phone", unique=True, null=True)

    class Meta:
        app_label = LABEL


MODELS = [Person, Badge]
