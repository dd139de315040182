"""Each verdict as it was told: what was known of a payment on any date."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('fraud', '0009_scorers'),
    ]

    operations = []
