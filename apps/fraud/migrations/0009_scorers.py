"""Learned scorers: their stages, what decides now, scores on trial, explanations, watches, alerts about operations."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('fraud', '0008_outbox_lanes'),
    ]

    operations = []
