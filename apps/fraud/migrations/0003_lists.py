from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('fraud', '0002_rules'),
    ]

    operations = []
