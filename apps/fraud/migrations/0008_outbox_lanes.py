from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('fraud', '0007_dead_letters'),
    ]

    operations = []
