from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0003_decision_policy'),
    ]

    operations = []
