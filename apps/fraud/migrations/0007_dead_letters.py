"""What was done about messages that could not be used: who took one in hand, and what came of it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0004_api_keys'),
        ('fraud', '0006_alert_changes'),
    ]

    operations = [
        migrations.CreateModel(
            name='DeadLetter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('place', models.CharField(help_text='Topic, partition and offset of the dead letter.', max_length=300, verbose_name='place')),
                ('stamped_at', models.DateTimeField(help_text='Time of the message in its topic: a topic made anew begins its offsets anew.', verbose_name='dead since')),
                ('topic', models.CharField(help_text='Where the message was to be read.', max_length=249, verbose_name='topic')),
                ('code', models.CharField(help_text="Kind of fault, as the message's header says.", max_length=32, verbose_name='fault')),
                ('source', models.CharField(blank=True, default='', help_text='Place of the message.', max_length=300, verbose_name='source')),
                ('trace_id', models.CharField(blank=True, default='', help_text='Trace of the message.', max_length=32, verbose_name='trace')),
                ('state', models.CharField(choices=[('retrying', 'Being sent again'), ('retried', 'Sent again'), ('discarded', 'Discarded')], help_text='What was done about it.', max_length=16, verbose_name='state')),
                ('by', models.CharField(help_text='E-mail address of a colleague, or the account that ran the command.', max_length=254, verbose_name='who')),
                ('reason', models.CharField(blank=True, default='', help_text='Why, in their words.', max_length=300, verbose_name='reason')),
                ('claimed_at', models.DateTimeField(help_text='When somebody took the letter in hand.', verbose_name='begun at')),
                ('done_at', models.DateTimeField(help_text='When the topic had it again, or it was put off.', null=True, verbose_name='done at')),
                ('retried_to', models.CharField(blank=True, default='', help_text='Place of the message that was sent again.', max_length=300, verbose_name='sent to')),
                ('tenant', models.ForeignKey(help_text='The organisation that the message names, if there is such a one.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'dead letter',
                'verbose_name_plural': 'dead letters',
                'constraints': [models.UniqueConstraint(fields=('place', 'stamped_at'), name='dead_letter_handled_once')],
            },
        ),
    ]
