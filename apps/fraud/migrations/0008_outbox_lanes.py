"""Each destination of the outbox has a row: its lock keeps the order, its columns say why it waits."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('fraud', '0007_dead_letters'),
    ]

    operations = [
        migrations.CreateModel(
            name='OutboxLane',
            fields=[
                ('topic', models.CharField(help_text='Where to.', max_length=64, primary_key=True, serialize=False, verbose_name='topic')),
                ('attempts', models.IntegerField(default=0, help_text='Refusals since it last took something.', verbose_name='attempts')),
                ('failed_since', models.DateTimeField(help_text='First of these refusals.', null=True, verbose_name='failed since')),
                ('next_try_at', models.DateTimeField(help_text='Left alone until then.', null=True, verbose_name='next attempt')),
                ('last_error', models.CharField(blank=True, default='', help_text='In short.', max_length=200, verbose_name='last error')),
            ],
            options={
                'verbose_name': 'destination',
                'verbose_name_plural': 'destinations',
            },
        ),
        migrations.AddIndex(
            model_name='outbox',
            index=models.Index(fields=['topic', 'id'], name='outbox_lane'),
        ),
    ]
