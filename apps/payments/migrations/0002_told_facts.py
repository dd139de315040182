"""What senders may tell beside the payment itself. By SQL, as the partitioned table was made (apps/payments/schema.py)."""

from django.db import migrations, models

from apps.payments import schema


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0001_initial'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(schema.TOLD_FACTS, schema.DROP_TOLD_FACTS)],
            state_operations=[
                migrations.AddField(
                    model_name='payment',
                    name='ip_country',
                    field=models.CharField(blank=True, default='', help_text='Country of the network address, found before it was hashed; empty when not told.', max_length=2, verbose_name='address country'),
                ),
                migrations.AddField(
                    model_name='payment',
                    name='billing_country',
                    field=models.CharField(blank=True, default='', help_text='Country on the bill; empty when not told.', max_length=2, verbose_name='billing country'),
                ),
                migrations.AddField(
                    model_name='payment',
                    name='cart_at',
                    field=models.DateTimeField(blank=True, help_text='Last cart event before the payment, when told.', null=True, verbose_name='cart last touched'),
                ),
                migrations.AddField(
                    model_name='payment',
                    name='basket_size',
                    field=models.IntegerField(blank=True, help_text='Number of articles paid for, when told.', null=True, verbose_name='articles in the basket'),
                ),
                migrations.AddField(
                    model_name='payment',
                    name='adult_restricted',
                    field=models.BooleanField(blank=True, help_text='The basket holds goods for adults only; empty if not told.', null=True, verbose_name='adults only'),
                ),
            ],
        ),
    ]
