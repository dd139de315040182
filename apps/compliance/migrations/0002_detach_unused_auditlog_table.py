"""auditlog's own table stays empty, since AuditEntry takes its place. Its foreign keys go:
nothing should have to empty an unused table before it may touch those it points at."""

from django.db import migrations

DETACH = """
DO $$
DECLARE found text;
BEGIN
    FOR found IN SELECT conname FROM pg_constraint
        WHERE conrelid = 'auditlog_logentry'::regclass AND contype = 'f'
    LOOP
        EXECUTE format('ALTER TABLE auditlog_logentry DROP CONSTRAINT %I', found);
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0001_initial"),
        ("auditlog", "0017_add_actor_email"),
    ]

    operations = [migrations.RunSQL(DETACH, migrations.RunSQL.noop)]
