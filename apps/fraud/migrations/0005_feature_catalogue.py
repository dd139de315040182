"""The registry of feature catalogues: rows of decisions stay readable when the catalogue moves on."""

from django.db import migrations, models

from apps.fraud import catalogue_schema


class Migration(migrations.Migration):

    dependencies = [
        ('fraud', '0004_decisions'),
    ]

    operations = [
        migrations.CreateModel(
            name='FeatureCatalogue',
            fields=[
                ('version', models.CharField(help_text='Start of the SHA-256 of the columns, as decisions name it.', max_length=12, primary_key=True, serialize=False, verbose_name='version')),
                ('columns', models.TextField(help_text='A line a feature, name and kind, in the order of a row.', verbose_name='columns')),
                ('first_used_at', models.DateTimeField(help_text='When the first decision was made under it.', verbose_name='first used')),
            ],
            options={
                'verbose_name': 'feature catalogue',
                'verbose_name_plural': 'feature catalogues',
            },
        ),
        migrations.RunSQL(catalogue_schema.CATALOGUE_STAYS, catalogue_schema.DROP_CATALOGUE_STAYS),
    ]
