"""What open pages are told of alerts, numbered per tenant."""

import apps.compliance.models.base
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

from apps.compliance.migration_operations import AddTenantForeignKeys


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0004_api_keys'),
        ('fraud', '0005_feature_catalogue'),
    ]

    operations = [
        migrations.CreateModel(
            name='AlertChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('change', models.CharField(choices=[('raised', 'Raised'), ('status', 'Status changed')], help_text='What happened to it: raised, status.', max_length=16, verbose_name='change')),
                ('at', models.DateTimeField(help_text='When.', verbose_name='at')),
                ('number', models.BigIntegerField(help_text="Place among the tenant's changes; empty until it is numbered.", null=True, verbose_name='number')),
                ('alert', apps.compliance.models.base.TenantForeignKey(db_index=False, help_text='The alert that is new or has changed.', on_delete=django.db.models.deletion.CASCADE, related_name='changes', to='fraud.fraudalert', verbose_name='alert')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'change of an alert',
                'verbose_name_plural': 'changes of alerts',
                'indexes': [models.Index(condition=models.Q(('number__isnull', True)), fields=['id'], name='alert_change_unnumbered'), django.contrib.postgres.indexes.BrinIndex(fields=['at'], name='alert_change_age', pages_per_range=16)],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'number'), name='alert_change_number_once_per_tenant')],
            },
        ),
        AddTenantForeignKeys("alertchange"),
        migrations.CreateModel(
            name='AlertChangeCounter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('last', models.BigIntegerField(default=0, help_text="Number of the tenant's latest change.", verbose_name='last number')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'counter of changes of alerts',
                'verbose_name_plural': 'counters of changes of alerts',
                'constraints': [models.UniqueConstraint(fields=('tenant',), name='alert_change_counter_once_per_tenant')],
            },
        ),
    ]
