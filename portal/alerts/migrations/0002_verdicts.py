from django.db import migrations, models
from django.db.models import deletion


class Migration(migrations.Migration):
    dependencies = [("alerts", "0001_initial"), ("sites", "0003_no_magic_number")]

    operations = [
        migrations.AddField("alert", "false_alarm", models.FloatField(null=True)),
        migrations.CreateModel(
            "Verdict",
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("label", models.CharField(blank=True, max_length=20)),
                ("t", models.DateTimeField()),
                ("alert", models.OneToOneField(on_delete=deletion.CASCADE, related_name="verdict", to="alerts.alert")),
                ("camera", models.ForeignKey(on_delete=deletion.CASCADE, related_name="verdicts", to="sites.camera")),
            ],
            options={"indexes": [models.Index(fields=["camera", "id"], name="verdict_order")]},
        ),
    ]
