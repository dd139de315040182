from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0002_detach_unused_auditlog_table'),
    ]

    operations = []
