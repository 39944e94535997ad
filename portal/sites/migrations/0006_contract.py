"""What an agent speaks: why its newest heartbeat was refused, and how much of a newer version was not understood."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sites", "0005_kept_days")]

    operations = [
        migrations.AddField("agent", "contract_problem", models.CharField(blank=True, max_length=300)),
        migrations.AddField("agent", "contract_refused", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("agent", "fields_dropped", models.PositiveIntegerField(default=0)),
    ]
