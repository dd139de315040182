"""Learned scorers: stages, what decides now, scores on trial, explanations, watches, alerts about operations."""

import apps.compliance.models.base
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.compliance.migration_operations import AddTenantForeignKeys
from apps.fraud.scorer_schema import DROP_SCORER_TRIGGERS, SCORER_TRIGGERS


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0004_api_keys'),
        ('fraud', '0008_outbox_lanes'),
        ('payments', '0003_lean_payment_inserts'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Scorer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(help_text="1 for the tenant's first, and on.", verbose_name='number')),
                ('stage', models.CharField(choices=[('candidate', 'Candidate'), ('shadow', 'On trial'), ('champion', 'Decides'), ('archived', 'Archived')], default='candidate', help_text='Where it stands.', max_length=16, verbose_name='stage')),
                ('digest', models.CharField(help_text='SHA-256 of the artefact.', max_length=64, verbose_name='digest')),
                ('catalogue_version', models.CharField(help_text='Catalogue whose rows it learned from.', max_length=12, verbose_name='feature catalogue')),
                ('data_from', models.DateTimeField(help_text='First payment it learned from.', verbose_name='data from')),
                ('data_until', models.DateTimeField(help_text='It learned from payments before this moment.', verbose_name='data until')),
                ('known_on', models.DateTimeField(help_text='Which labels had arrived when it learned.', verbose_name='labels as known on')),
                ('label_delay_days', models.FloatField(help_text='Days left out for labels to arrive.', verbose_name='label delay')),
                ('seed', models.BigIntegerField(help_text='The same data and seed give the same artefact.', verbose_name='seed')),
                ('parameters', models.JSONField(help_text='Of the booster, and how they were found.', verbose_name='parameters')),
                ('report', models.JSONField(help_text='All that was measured on the held-out period.', verbose_name='report')),
                ('operating', models.JSONField(help_text='Thresholds and weight proposed with it: challenge, deny, weight, alone.', verbose_name='operating point')),
                ('baseline', models.JSONField(help_text='Of each feature and the score, to watch the live ones against.', verbose_name='training distributions')),
                ('run_id', models.CharField(blank=True, default='', help_text='Empty when the registry did not answer.', max_length=64, verbose_name='MLflow run')),
                ('note', models.CharField(blank=True, default='', help_text='Why it was trained.', max_length=300, verbose_name='note')),
                ('made_at', models.DateTimeField(help_text='When.', verbose_name='made at')),
                ('made_by', models.ForeignKey(help_text='Who had it trained; nobody where a schedule did.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='made by')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'scorer',
                'verbose_name_plural': 'scorers',
                'ordering': ['-number'],
                'permissions': [('propose_scorer', 'Can propose a scorer for production'), ('promote_scorer', 'Can let a proposed scorer decide')],
            },
        ),
        migrations.CreateModel(
            name='OperationalAlert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('scorer_failed', 'The scorer does not answer'), ('scorer_slow', 'The scorer is too slow'), ('drift', 'Payments are not those it learned from'), ('decay', 'The scorer has lost accuracy'), ('volume', 'Alert volume has jumped'), ('calibration', 'Probabilities are off'), ('retrained', 'A new scorer is proposed'), ('training_failed', 'Training failed')], help_text='What is the matter.', max_length=24, verbose_name='kind')),
                ('status', models.CharField(choices=[('open', 'Open'), ('handled', 'Handled')], default='open', help_text='Whether it still stands.', max_length=16, verbose_name='status')),
                ('facts', models.JSONField(help_text='Figures that the sentence is made of.', verbose_name='facts')),
                ('raised_at', models.DateTimeField(help_text='When first.', verbose_name='raised at')),
                ('last_at', models.DateTimeField(help_text='When last.', verbose_name='last seen')),
                ('times', models.PositiveIntegerField(default=1, help_text='How often while it was open.', verbose_name='times')),
                ('handled_at', models.DateTimeField(help_text='When.', null=True, verbose_name='handled at')),
                ('note', models.CharField(blank=True, default='', help_text='What was done.', max_length=300, verbose_name='note')),
                ('handled_by', models.ForeignKey(help_text='By whom.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='handled by')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
                ('scorer', apps.compliance.models.base.TenantForeignKey(help_text='Which scorer, if one.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='operational_alerts', to='fraud.scorer', verbose_name='scorer')),
            ],
            options={
                'verbose_name': 'operational alert',
                'verbose_name_plural': 'operational alerts',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='Explanation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('base', models.FloatField(help_text='Log-odds before anything is known of the payment.', verbose_name='base')),
                ('contributions', models.JSONField(help_text='The walk: facts with their log-odds, columns and the probability after each.', verbose_name='contributions')),
                ('made_at', models.DateTimeField(help_text='When.', verbose_name='made at')),
                ('payment', apps.compliance.models.base.TenantForeignKey(help_text='Whose decision.', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='payments.paymentreference', verbose_name='payment')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
                ('scorer', apps.compliance.models.base.TenantForeignKey(db_index=False, help_text='By which.', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='fraud.scorer', verbose_name='scorer')),
            ],
            options={
                'verbose_name': 'explanation',
                'verbose_name_plural': 'explanations',
            },
        ),
        migrations.CreateModel(
            name='ActiveScorer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('shadows', models.JSONField(default=list, help_text='Numbers of the scorers that score silently.', verbose_name='on trial')),
                ('version', models.PositiveBigIntegerField(help_text='Grows with each change.', verbose_name='counter')),
                ('challenge', models.FloatField(default=0.3, help_text='Combined score, while it decides.', verbose_name='challenge from')),
                ('deny', models.FloatField(default=0.7, help_text='Combined score, while it decides.', verbose_name='deny from')),
                ('weight', models.FloatField(default=0.7, help_text='Of the scorer in the combined score.', verbose_name='weight')),
                ('alone_deny', models.FloatField(default=0.5, help_text='When the rules are down.', verbose_name='deny alone from')),
                ('changed_at', models.DateTimeField(help_text='When.', verbose_name='changed at')),
                ('changed_by', models.ForeignKey(help_text='By whom.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='changed by')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
                ('scorer', apps.compliance.models.base.TenantForeignKey(help_text='The champion; empty: rules decide alone.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fraud.scorer', verbose_name='scorer')),
            ],
            options={
                'verbose_name': 'scorer in force',
                'verbose_name_plural': 'scorers in force',
            },
        ),
        migrations.CreateModel(
            name='ScorerArtefact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content', models.BinaryField(help_text="Header and booster; its SHA-256 is the scorer's digest.", verbose_name='content')),
                ('scorer', apps.compliance.models.base.TenantForeignKey(help_text='Whose bytes these are.', on_delete=django.db.models.deletion.PROTECT, related_name='artefacts', to='fraud.scorer', verbose_name='scorer')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': "scorer's artefact",
                'verbose_name_plural': "scorers' artefacts",
            },
        ),
        migrations.CreateModel(
            name='ScorerChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('promote', 'Promotion'), ('go_back', 'Return'), ('shadow', 'On trial'), ('archive', 'Archived'), ('thresholds', 'Thresholds'), ('stand_down', 'Rules alone')], help_text='What is to change.', max_length=16, verbose_name='kind')),
                ('state', models.CharField(choices=[('open', 'Waits for a second person'), ('done', 'Done'), ('refused', 'Refused'), ('withdrawn', 'Withdrawn')], help_text='What became of it.', max_length=16, verbose_name='state')),
                ('before', models.JSONField(help_text="What decided before: scorer's number and operating point.", verbose_name='before')),
                ('after', models.JSONField(help_text='What decides then.', verbose_name='after')),
                ('statement', models.JSONField(help_text='Alerts a day, customers declined, and the like, reckoned when proposed.', verbose_name='what will change')),
                ('note', models.CharField(blank=True, default='', help_text='Why.', max_length=300, verbose_name='note')),
                ('asked_at', models.DateTimeField(help_text='When.', verbose_name='asked at')),
                ('settled_at', models.DateTimeField(help_text='When.', null=True, verbose_name='settled at')),
                ('asked_by', models.ForeignKey(help_text='By whom.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='asked by')),
                ('scorer', apps.compliance.models.base.TenantForeignKey(help_text='Which scorer; empty for the rules alone.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='fraud.scorer', verbose_name='scorer')),
                ('settled_by', models.ForeignKey(help_text='By whom.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='settled by')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'change of scorer',
                'verbose_name_plural': 'changes of scorers',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='ScorerPicture',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Which figure: reliability, money, pr …', max_length=32, verbose_name='name')),
                ('language', models.CharField(help_text='fr or en.', max_length=2, verbose_name='language')),
                ('svg', models.TextField(help_text='SVG, as drawn.', verbose_name='picture')),
                ('scorer', apps.compliance.models.base.TenantForeignKey(help_text='Of which.', on_delete=django.db.models.deletion.CASCADE, related_name='pictures', to='fraud.scorer', verbose_name='scorer')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': "scorer's picture",
                'verbose_name_plural': "scorers' pictures",
            },
        ),
        migrations.CreateModel(
            name='ScorerWatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(help_text="Of the payments looked at, in the tenant's time zone.", verbose_name='day')),
                ('payments', models.PositiveIntegerField(help_text='How many it scored.', verbose_name='payments')),
                ('alerts', models.PositiveIntegerField(help_text='How many alerts were raised.', verbose_name='alerts')),
                ('score_psi', models.FloatField(help_text='Empty with too few payments.', null=True, verbose_name='PSI of the score')),
                ('worst_psi', models.FloatField(help_text='Of a feature.', null=True, verbose_name='worst PSI')),
                ('worst_feature', models.CharField(blank=True, default='', help_text='Which.', max_length=64, verbose_name='feature')),
                ('auc', models.FloatField(help_text='On what is labelled by now; empty with too few.', null=True, verbose_name='AUC')),
                ('precision', models.FloatField(help_text='Of alerts judged by now.', null=True, verbose_name='precision')),
                ('calibration_error', models.FloatField(help_text='Mean gap, weighted.', null=True, verbose_name='calibration error')),
                ('findings', models.JSONField(help_text='All figures by feature, and what was out of bounds.', verbose_name='findings')),
                ('report', models.BinaryField(help_text="Evidently's page, compressed.", null=True, verbose_name='report')),
                ('made_at', models.DateTimeField(help_text='When.', verbose_name='made at')),
                ('scorer', apps.compliance.models.base.TenantForeignKey(help_text='Which.', on_delete=django.db.models.deletion.CASCADE, related_name='watches', to='fraud.scorer', verbose_name='scorer')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'watch',
                'verbose_name_plural': 'watches',
                'ordering': ['-day', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='ShadowScore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('score', models.FloatField(help_text='Calibrated probability of fraud.', verbose_name='score')),
                ('scored_at', models.DateTimeField(help_text='When.', verbose_name='scored at')),
                ('payment', apps.compliance.models.base.TenantForeignKey(db_index=False, help_text='The payment scored.', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='payments.paymentreference', verbose_name='payment')),
                ('scorer', apps.compliance.models.base.TenantForeignKey(db_index=False, help_text='By which.', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='fraud.scorer', verbose_name='scorer')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, help_text='The organisation that owns the row.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'score on trial',
                'verbose_name_plural': 'scores on trial',
            },
        ),
        migrations.AddConstraint(
            model_name='scorer',
            constraint=models.UniqueConstraint(fields=('tenant', 'number'), name='scorer_number_once_per_tenant'),
        ),
        migrations.AddConstraint(
            model_name='scorer',
            constraint=models.UniqueConstraint(fields=('id', 'tenant'), name='scorer_id_tenant'),
        ),
        migrations.AddConstraint(
            model_name='scorer',
            constraint=models.UniqueConstraint(condition=models.Q(('stage', 'champion')), fields=('tenant',), name='one_champion_per_tenant'),
        ),
        migrations.AddConstraint(
            model_name='operationalalert',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'open')), fields=('tenant', 'kind', 'scorer'), name='one_open_operational_alert_of_a_kind', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='explanation',
            constraint=models.UniqueConstraint(fields=('payment',), name='one_explanation_per_decision'),
        ),
        migrations.AddConstraint(
            model_name='activescorer',
            constraint=models.UniqueConstraint(fields=('tenant',), name='one_scorer_in_force_per_tenant'),
        ),
        migrations.AddConstraint(
            model_name='activescorer',
            constraint=models.CheckConstraint(condition=models.Q(('challenge__gte', 0), ('challenge__lte', models.F('deny')), ('deny__lte', 1), ('weight__gte', 0), ('weight__lte', 1), ('alone_deny__gte', 0), ('alone_deny__lte', 1)), name='operating_point_in_order'),
        ),
        migrations.AddConstraint(
            model_name='scorerartefact',
            constraint=models.UniqueConstraint(fields=('scorer',), name='one_artefact_per_scorer'),
        ),
        migrations.AddConstraint(
            model_name='scorerchange',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'promote'), ('state', 'open')), fields=('tenant',), name='one_open_promotion_per_tenant'),
        ),
        migrations.AddConstraint(
            model_name='scorerchange',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'promote'), ('state', 'done'), _negated=True), models.Q(('asked_by', models.F('settled_by')), _negated=True), _connector='OR'), name='promotion_by_two_people'),
        ),
        migrations.AddConstraint(
            model_name='scorerpicture',
            constraint=models.UniqueConstraint(fields=('scorer', 'name', 'language'), name='one_picture_per_name_and_language'),
        ),
        migrations.AddConstraint(
            model_name='scorerwatch',
            constraint=models.UniqueConstraint(fields=('scorer', 'day'), name='one_watch_per_scorer_and_day'),
        ),
        migrations.AddIndex(
            model_name='shadowscore',
            index=django.contrib.postgres.indexes.BrinIndex(fields=['scored_at'], name='shadow_score_period', pages_per_range=32),
        ),
        migrations.AddConstraint(
            model_name='shadowscore',
            constraint=models.UniqueConstraint(fields=('scorer', 'payment'), name='one_shadow_score_per_payment'),
        ),
        AddTenantForeignKeys(
            "activescorer", "explanation", "operationalalert", "scorerartefact", "scorerchange", "scorerpicture",
            "scorerwatch", "shadowscore",
        ),
        migrations.RunSQL(SCORER_TRIGGERS, DROP_SCORER_TRIGGERS),
    ]
