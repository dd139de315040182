import apps.compliance.models.base
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.compliance.migration_operations import AddTenantForeignKeys
from apps.fraud.rule_schema import DROP_RULE_TRIGGERS, RULE_TRIGGERS


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('fraud', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(help_text='Name of the rule, such as NEW_DEVICE. It never changes.', max_length=64, validators=[django.core.validators.RegexValidator('^[A-Z][A-Z0-9_]*$', 'Use capital letters, digits and underscores, such as NEW_DEVICE.')], verbose_name='code')),
                ('created_at', models.DateTimeField(help_text='When its first version was written.', verbose_name='created at')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'rule',
                'verbose_name_plural': 'rules',
            },
        ),
        migrations.CreateModel(
            name='RuleSet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(help_text="1 for the tenant's first, and on.", verbose_name='number')),
                ('name', models.CharField(help_text='Family it belongs to, such as recommended.', max_length=64, verbose_name='name')),
                ('content', models.TextField(help_text='All that deciding needs, as canonical JSON; PostgreSQL checks its digest.', verbose_name='content')),
                ('catalogue_version', models.CharField(help_text='Catalogue under which the expressions were checked.', max_length=12, verbose_name='feature catalogue')),
                ('digest', models.CharField(help_text='SHA-256 of the content.', max_length=64, verbose_name='digest')),
                ('note', models.CharField(blank=True, default='', help_text='What changed.', max_length=300, verbose_name='note on the change')),
                ('created_at', models.DateTimeField(help_text='When.', verbose_name='created at')),
                ('created_by', models.ForeignKey(help_text='Whose change made it; nobody where the product installed it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='made by')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'rule set',
                'verbose_name_plural': 'rule sets',
                'ordering': ['-number'],
            },
        ),
        migrations.CreateModel(
            name='ActiveRuleSet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveBigIntegerField(help_text='Grows with each activation.', verbose_name='counter')),
                ('changed_at', models.DateTimeField(help_text='When.', verbose_name='changed at')),
                ('changed_by', models.ForeignKey(help_text='By whom.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='changed by')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
                ('ruleset', apps.compliance.models.base.TenantForeignKey(help_text='The snapshot in force.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fraud.ruleset', verbose_name='rule set')),
            ],
            options={
                'verbose_name': 'rule set in force',
                'verbose_name_plural': 'rule sets in force',
            },
        ),
        migrations.CreateModel(
            name='RuleVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(help_text='1 for the first version, and on.', verbose_name='version')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('shadow', 'In shadow'), ('live', 'Live'), ('retired', 'Retired')], default='draft', help_text='Where it stands.', max_length=8, verbose_name='state')),
                ('expression', models.TextField(help_text='The condition, in the rule language.', verbose_name='expression')),
                ('parameters', models.JSONField(blank=True, default=dict, help_text='Values of the :names that the expression uses.', verbose_name='parameters')),
                ('points', models.PositiveSmallIntegerField(blank=True, help_text='What a hit adds, 0 to 100; empty with a hard action.', null=True, verbose_name='points')),
                ('action', models.CharField(blank=True, choices=[('allow', 'Allow'), ('challenge', 'Challenge'), ('deny', 'Deny')], default='', help_text='What a hit demands whatever the score; empty with points.', max_length=9, verbose_name='hard action')),
                ('sentence_fr', models.CharField(help_text='What French readers are told when it hits.', max_length=300, verbose_name='sentence in French')),
                ('sentence_en', models.CharField(help_text='What English readers are told when it hits.', max_length=300, verbose_name='sentence in English')),
                ('severity', models.CharField(choices=[('LOW', 'Low'), ('MEDIUM', 'Medium'), ('HIGH', 'High')], default='MEDIUM', help_text='How grave a hit is.', max_length=6, verbose_name='severity')),
                ('owner', models.CharField(help_text='The person or team who answers for it.', max_length=254, verbose_name='owner')),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=32), blank=True, default=list, help_text='Words to group rules by.', size=None, verbose_name='tags')),
                ('valid_from', models.DateTimeField(blank=True, help_text='Payments attempted before it are not judged by it.', null=True, verbose_name='valid from')),
                ('valid_until', models.DateTimeField(blank=True, help_text='Payments attempted from then on are not judged by it.', null=True, verbose_name='valid until')),
                ('change_note', models.CharField(blank=True, default='', help_text='Why this version was made.', max_length=300, verbose_name='note on the change')),
                ('shipped', models.BooleanField(default=False, editable=False, help_text='Installed from a shipped rule set; counts as approved.', verbose_name='shipped')),
                ('restores', models.PositiveIntegerField(editable=False, help_text='Number of the earlier version whose content it repeats.', null=True, verbose_name='returns to')),
                ('emergency', models.BooleanField(default=False, editable=False, help_text='Went live at once, as the version it repeats had been live before.', verbose_name='immediate return')),
                ('created_at', models.DateTimeField(help_text='When.', verbose_name='created at')),
                ('submitted_at', models.DateTimeField(help_text='When it was put in shadow.', null=True, verbose_name='in shadow since')),
                ('approved_at', models.DateTimeField(help_text='When it was approved.', null=True, verbose_name='approved at')),
                ('live_at', models.DateTimeField(help_text='When it first went live.', null=True, verbose_name='live since')),
                ('retired_at', models.DateTimeField(help_text='When it was retired.', null=True, verbose_name='retired at')),
                ('approved_by', models.ForeignKey(help_text='The second person, who let it go live.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='approved by')),
                ('created_by', models.ForeignKey(help_text='Who wrote it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='author')),
                ('retired_by', models.ForeignKey(help_text='Who retired it, or made the change that replaced it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='retired by')),
                ('rule', apps.compliance.models.base.TenantForeignKey(help_text='The rule it is a version of.', on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='fraud.rule', verbose_name='rule')),
                ('submitted_by', models.ForeignKey(help_text='Who put it in shadow.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='put in shadow by')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'rule version',
                'verbose_name_plural': 'rule versions',
                'ordering': ['rule_id', '-number'],
                'permissions': [('approve_rule', 'Can approve, retire and return rules, and activate rule sets')],
            },
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.UniqueConstraint(fields=('tenant', 'code'), name='rule_code_once_per_tenant'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.UniqueConstraint(fields=('id', 'tenant'), name='rule_id_tenant'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('code__regex', '^[A-Z][A-Z0-9_]*$')), name='rule_code_is_a_name'),
        ),
        migrations.AddConstraint(
            model_name='ruleset',
            constraint=models.UniqueConstraint(fields=('tenant', 'number'), name='rule_set_number_once_per_tenant'),
        ),
        migrations.AddConstraint(
            model_name='ruleset',
            constraint=models.UniqueConstraint(fields=('id', 'tenant'), name='rule_set_id_tenant'),
        ),
        migrations.AddConstraint(
            model_name='activeruleset',
            constraint=models.UniqueConstraint(fields=('tenant',), name='one_rule_set_in_force_per_tenant'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.UniqueConstraint(fields=('rule', 'number'), name='rule_version_once'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'live')), fields=('rule',), name='rule_one_live_version'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'shadow')), fields=('rule',), name='rule_one_shadow_version'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('action', ''), ('points__isnull', False)), models.Q(('action__in', ['allow', 'challenge', 'deny']), ('points__isnull', True)), _connector='OR'), name='rule_points_or_action'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.CheckConstraint(condition=models.Q(('points__isnull', True), ('points__lte', 100), _connector='OR'), name='rule_points_to_100'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'shadow', 'live', 'retired'])), name='rule_state_known'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.CheckConstraint(condition=models.Q(('valid_from__isnull', True), ('valid_until__isnull', True), ('valid_from__lt', models.F('valid_until')), _connector='OR'), name='rule_valid_in_order'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.CheckConstraint(condition=models.Q(('shipped', True), ('created_by__isnull', False), _connector='OR'), name='rule_has_an_author'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by__isnull', True), ('created_by__isnull', True), models.Q(('approved_by', models.F('created_by')), _negated=True), _connector='OR'), name='rule_approved_by_another'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'live'), _negated=True), ('shipped', True), ('emergency', True), models.Q(('approved_at__isnull', False), ('approved_by__isnull', False)), _connector='OR'), name='rule_live_once_approved'),
        ),
        AddTenantForeignKeys("ruleversion", "activeruleset"),
        migrations.RunSQL(RULE_TRIGGERS, DROP_RULE_TRIGGERS),
    ]
