from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('fraud', '0006_alert_changes'),
    ]

    operations = []
