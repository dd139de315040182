from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('fraud', '0005_feature_catalogue'),
    ]

    operations = []
