"""What unsupervised detectors found odd."""

import apps.compliance.models.base
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.compliance.migration_operations import AddTenantForeignKeys


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0004_api_keys'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('fraud', '0010_label_versions'),
    ]

    operations = [
        migrations.CreateModel(
            name='Anomaly',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('payment', 'Payment'), ('access', 'Access'), ('database', 'Database')], help_text='What is odd.', max_length=8, verbose_name='kind')),
                ('actor', models.CharField(help_text='Number of the customer, of the colleague, beginning of the API key, hash of the address, or role.', max_length=80, verbose_name='whose')),
                ('period_start', models.DateTimeField(help_text='Day of the payment, or hour of the activity.', verbose_name='from')),
                ('period_end', models.DateTimeField(help_text='End of that day or hour.', verbose_name='to')),
                ('score', models.FloatField(help_text='Of the isolation forest: 0.4 is ordinary, 0.7 stands alone.', verbose_name='score')),
                ('unusual', models.FloatField(help_text='Share of the sample that is less odd, from 0 to 1.', verbose_name='odder than')),
                ('fields', models.JSONField(help_text='Fields, their values, what is usual, and a sentence in each language.', verbose_name='what made it odd')),
                ('detector', models.CharField(help_text='Version of the fields, and digest of the forest that found it.', max_length=64, verbose_name='detector')),
                ('sample_rows', models.IntegerField(help_text='Rows that the detector learned from.', verbose_name='compared with')),
                ('sample_start', models.DateTimeField(help_text='Where the period of those rows begins.', verbose_name='compared from')),
                ('sample_end', models.DateTimeField(help_text='Where it ends.', verbose_name='compared to')),
                ('raised_at', models.DateTimeField(help_text='When it was found.', verbose_name='raised at')),
                ('status', models.CharField(choices=[('open', 'Open'), ('looked_at', 'Being looked at'), ('dismissed', 'Dismissed'), ('confirmed', 'Confirmed')], default='open', help_text='Where its review stands.', max_length=10, verbose_name='status')),
                ('reviewed_at', models.DateTimeField(help_text='When.', null=True, verbose_name='reviewed at')),
                ('note', models.CharField(blank=True, default='', help_text='Why, in their words.', max_length=300, verbose_name='note')),
                ('payment', apps.compliance.models.base.TenantForeignKey(help_text='The odd payment; empty for what is no payment.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='anomalies', to='payments.paymentreference', verbose_name='payment')),
                ('reviewed_by', models.ForeignKey(help_text='Who looked at it last.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='reviewed by')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'anomaly',
                'verbose_name_plural': 'anomalies',
                'permissions': [('review_activity_anomaly', 'Can see and review anomalies of access and of the database')],
                'indexes': [models.Index(fields=['tenant', 'kind', '-raised_at'], name='anomaly_latest'), models.Index(condition=models.Q(('payment__isnull', False)), fields=['payment'], name='anomaly_payment')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'kind', 'actor', 'period_start'), name='anomaly_once_per_actor_and_period'), models.CheckConstraint(condition=models.Q(('period_end__gt', models.F('period_start'))), name='anomaly_period_in_order'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'payment'), ('payment__isnull', False)), models.Q(models.Q(('kind', 'payment'), _negated=True), ('payment__isnull', True)), _connector='OR'), name='anomaly_names_its_payment')],
            },
        ),
        AddTenantForeignKeys("anomaly"),
        migrations.CreateModel(
            name='AnomalyDetector',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('payment', 'Payment'), ('access', 'Access'), ('database', 'Database')], help_text='What it looks at.', max_length=8, verbose_name='kind')),
                ('daily_budget', models.PositiveSmallIntegerField(help_text='Anomalies raised in a day at most, the oddest first; 0 raises none.', verbose_name='at most a day')),
                ('scanned_to', models.DateTimeField(help_text='What came before has been looked at.', null=True, verbose_name='scanned up to')),
                ('scanned_at', models.DateTimeField(help_text='When it looked last.', null=True, verbose_name='last scan')),
                ('scanned_rows', models.IntegerField(default=0, help_text='Payments, or hours of actors.', verbose_name='rows of the last scan')),
                ('detector', models.CharField(blank=True, default='', help_text="Version and digest of the last scan's forest.", max_length=64, verbose_name='detector')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'anomaly detector',
                'verbose_name_plural': 'anomaly detectors',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'kind'), name='anomaly_detector_once_per_kind')],
            },
        ),
    ]
