"""Three checks of each new payment that other constraints answer for; the state of the models does not change."""

from django.db import migrations

from apps.payments import schema


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0002_told_facts'),
    ]

    operations = [
        migrations.RunSQL(schema.LEAN_INSERTS, schema.DROP_LEAN_INSERTS),
    ]
