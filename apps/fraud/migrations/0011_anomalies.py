"""What unsupervised detectors found odd."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('fraud', '0010_label_versions'),
    ]

    operations = []
