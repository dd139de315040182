"""Room for what scorers still need."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('fraud', '0011_anomalies'),
    ]

    operations = []
