from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('fraud', '0003_lists'),
    ]

    operations = []
