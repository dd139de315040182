"""Each verdict as it was told: what was known of a payment on any date."""

import apps.compliance.models.base
import django.db.models.deletion
from django.db import migrations, models

from apps.compliance.migration_operations import AddTenantForeignKeys
from apps.fraud.label_schema import DROP_VERSION_TRIGGERS, FIRST_VERSIONS, VERSION_TRIGGERS


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0004_api_keys'),
        ('fraud', '0009_scorers'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='fraudlabel',
            options={'permissions': [('import_labels', 'Can import labels from a file')], 'verbose_name': 'fraud label', 'verbose_name_plural': 'fraud labels'},
        ),
        migrations.AddConstraint(
            model_name='fraudlabel',
            constraint=models.UniqueConstraint(fields=('id', 'tenant'), name='label_id_tenant'),
        ),
        migrations.CreateModel(
            name='LabelVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_fraud', models.BooleanField(help_text='The verdict.', verbose_name='fraud')),
                ('pattern', models.CharField(blank=True, default='', help_text='Kind of fraud, when known.', max_length=32, verbose_name='pattern')),
                ('known_at', models.DateTimeField(help_text='Since when the world knew.', verbose_name='known since')),
                ('recorded_at', models.DateTimeField(help_text="When this system heard of it, by PostgreSQL's clock.", verbose_name='recorded at')),
                ('stood', models.BooleanField(default=True, help_text='No: its source had said so before, or something newer already.', verbose_name='stood here')),
                ('label', apps.compliance.models.base.TenantForeignKey(db_index=False, help_text="The payment's verdict of one source, of which this is one version.", on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='fraud.fraudlabel', verbose_name='fraud label')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'version of a fraud label',
                'verbose_name_plural': 'versions of fraud labels',
                'indexes': [models.Index(fields=['label', 'known_at'], name='label_versions'), models.Index(fields=['tenant', 'known_at', 'label'], name='label_versions_in_order')],
            },
        ),
        AddTenantForeignKeys("labelversion"),
        # Before the triggers, in one transaction with them: no label comes in between.
        migrations.RunSQL(FIRST_VERSIONS, migrations.RunSQL.noop),
        migrations.RunSQL(VERSION_TRIGGERS, DROP_VERSION_TRIGGERS),
    ]
