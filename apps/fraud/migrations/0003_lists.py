import apps.compliance.models.base
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.compliance.migration_operations import AddTenantForeignKeys


class Migration(migrations.Migration):

    dependencies = [
        ('fraud', '0002_rules'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='FraudList',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(help_text='The name that rules use, such as stolen_cards.', max_length=64, verbose_name='code')),
                ('name_fr', models.CharField(help_text='What French readers see.', max_length=120, verbose_name='name in French')),
                ('name_en', models.CharField(help_text='What English readers see.', max_length=120, verbose_name='name in English')),
                ('kind', models.CharField(choices=[('customer', 'Customer'), ('email', 'E-mail address'), ('device', 'Device'), ('card', 'Card'), ('ip', 'Network address'), ('country', 'Country'), ('bin', 'BIN'), ('merchant', 'Merchant')], help_text='What its entries are.', max_length=16, verbose_name='kind')),
                ('effect', models.CharField(choices=[('allow', 'Allow'), ('deny', 'Deny'), ('watch', 'Watch')], help_text='What a match means.', max_length=8, verbose_name='effect')),
                ('overrides_deny', models.BooleanField(default=False, help_text='Allow lists only: a match lets a payment pass that a hard rule or a deny list would stop.', verbose_name='silences a hard deny')),
                ('description', models.TextField(blank=True, default='', help_text='What it is for, and who feeds it.', max_length=1000, verbose_name='description')),
                ('created_at', models.DateTimeField(auto_now_add=True, help_text='When it was made.', verbose_name='created at')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'list',
                'verbose_name_plural': 'lists',
            },
        ),
        migrations.CreateModel(
            name='ListEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('value', models.CharField(blank=True, default='', help_text="The tenant's customer or merchant number, a country, or a BIN; empty for what is hashed.", max_length=64, verbose_name='value')),
                ('value_hash', models.BinaryField(help_text='Keyed hash of an e-mail address, device, card or network address.', null=True, verbose_name='value hash')),
                ('network', models.CharField(blank=True, default='', help_text='A range of network addresses, CIDR notation.', max_length=43, verbose_name='network')),
                ('hint', models.CharField(blank=True, default='', help_text="What may be shown of a hidden value: two characters, or an e-mail's domain.", max_length=260, verbose_name='hint')),
                ('reason', models.CharField(help_text='Why it stands here.', max_length=300, verbose_name='reason')),
                ('added_at', models.DateTimeField(help_text='When it was put on the list.', verbose_name='added at')),
                ('expires_at', models.DateTimeField(blank=True, help_text='Payments from this instant on no longer meet it.', null=True, verbose_name='expires at')),
                ('removed_at', models.DateTimeField(blank=True, help_text='When it was taken off.', null=True, verbose_name='removed at')),
                ('uses', models.BigIntegerField(default=0, help_text='How many payments have met it.', verbose_name='uses')),
                ('last_used_at', models.DateTimeField(blank=True, help_text='When one last did.', null=True, verbose_name='last used at')),
                ('changed_in', models.BigIntegerField(default=0, help_text="The version of the tenant's lists that it last changed in.", verbose_name='version')),
                ('added_by', models.ForeignKey(db_index=False, help_text='The colleague who answers for it.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='added by')),
                ('list', apps.compliance.models.base.TenantForeignKey(db_index=False, help_text='The list it stands on.', on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='fraud.fraudlist', verbose_name='list')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'list entry',
                'verbose_name_plural': 'list entries',
            },
        ),
        migrations.CreateModel(
            name='ListsVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.BigIntegerField(default=0, help_text='How many changes there have been.', verbose_name='version')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'version of lists',
                'verbose_name_plural': 'versions of lists',
            },
        ),
        migrations.AddConstraint(
            model_name='fraudlist',
            constraint=models.UniqueConstraint(fields=('tenant', 'code'), name='list_code_once_per_tenant'),
        ),
        migrations.AddConstraint(
            model_name='fraudlist',
            constraint=models.UniqueConstraint(fields=('id', 'tenant'), name='list_id_tenant'),
        ),
        migrations.AddConstraint(
            model_name='fraudlist',
            constraint=models.CheckConstraint(condition=models.Q(('code__regex', '^[a-z][a-z0-9_]*$')), name='list_code_is_a_name'),
        ),
        migrations.AddConstraint(
            model_name='fraudlist',
            constraint=models.CheckConstraint(condition=models.Q(('overrides_deny', False), ('effect', 'allow'), _connector='OR'), name='list_only_allow_silences_deny'),
        ),
        migrations.AddIndex(
            model_name='listentry',
            index=models.Index(fields=['list', '-added_at'], name='entry_of_list'),
        ),
        migrations.AddIndex(
            model_name='listentry',
            index=models.Index(fields=['tenant', 'changed_in'], name='entry_changes'),
        ),
        migrations.AddConstraint(
            model_name='listentry',
            constraint=models.UniqueConstraint(condition=models.Q(('removed_at', None)), fields=('list', 'value', 'network', 'value_hash'), name='list_entry_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='listentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('network', ''), ('value_hash', None), models.Q(('value', ''), _negated=True)), models.Q(('value', ''), ('value_hash', None), models.Q(('network', ''), _negated=True)), models.Q(('network', ''), ('value', ''), ('value_hash__isnull', False)), _connector='OR'), name='list_entry_one_value'),
        ),
        migrations.AddConstraint(
            model_name='listentry',
            constraint=models.CheckConstraint(condition=models.Q(('expires_at', None), ('expires_at__gt', models.F('added_at')), _connector='OR'), name='list_entry_not_born_expired'),
        ),
        migrations.AddConstraint(
            model_name='listsversion',
            constraint=models.UniqueConstraint(fields=('tenant',), name='lists_version_once_per_tenant'),
        ),
        AddTenantForeignKeys("listentry"),
    ]
