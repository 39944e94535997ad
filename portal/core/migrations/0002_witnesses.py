import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

NUMBER = "UPDATE core_auditrow SET seq = numbered.n FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM core_auditrow) numbered WHERE numbered.id = core_auditrow.id"


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.AddField("auditrow", "seq", models.BigIntegerField(null=True)),
        migrations.RunSQL(NUMBER, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField("auditrow", "seq", models.BigIntegerField(unique=True)),
        migrations.AlterModelOptions("auditrow", {"ordering": ["seq"]}),
        migrations.CreateModel(
            name="AuditWitness",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("agent", models.CharField(max_length=40)),
                ("hour", models.DateTimeField(db_index=True)),
                ("seq", models.BigIntegerField()),
                ("receipt", models.JSONField()),
                ("public_key", models.CharField(max_length=60)),
            ],
            options={"ordering": ["seq", "agent"], "constraints": [models.UniqueConstraint(fields=("agent", "hour"), name="one_witness_an_hour")]},
        ),
        migrations.CreateModel(
            name="AuditFinding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seq", models.BigIntegerField()),
                ("expected", models.CharField(blank=True, max_length=64)),
                ("found", models.CharField(blank=True, max_length=64)),
                ("agent", models.CharField(blank=True, max_length=40)),
                ("site", models.CharField(blank=True, max_length=80)),
                ("receipt", models.JSONField(blank=True, null=True)),
                ("public_key", models.CharField(blank=True, max_length=60)),
                ("own_signature", models.BooleanField(default=False)),
                ("noticed", models.DateTimeField(default=django.utils.timezone.now)),
                ("settled", models.DateTimeField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, max_length=500)),
                (
                    "settled_by",
                    models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
                ),
            ],
            options={"ordering": ["-id"], "constraints": [models.UniqueConstraint(fields=("seq", "expected", "agent"), name="one_finding_a_witness")]},
        ),
    ]
