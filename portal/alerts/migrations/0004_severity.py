"""Severity, alerts about the house itself, and what can be taken back."""

import django.db.models.deletion
from django.db import migrations, models

REASONS = [("real", "Real"), ("false_alarm", "False alarm"), ("test", "Test"), ("other", "Other"), ("ended", "Ended by itself")]
VERBS = [
    ("acknowledged", "acknowledged"),
    ("assigned", "assigned"),
    ("resolved", "resolved"),
    ("reopened", "reopened"),
    ("note", "wrote"),
    ("ended", "ended by itself"),
    ("undone", "took it back"),
    ("sent", "sent it to the desk"),
]


class Migration(migrations.Migration):
    dependencies = [("alerts", "0003_alert_label"), ("sites", "0010_rule_severity")]

    operations = [
        migrations.AlterModelOptions("alert", options={"ordering": ["-last_t", "-id"]}),
        migrations.RemoveIndex("alert", "alert_inbox"),
        migrations.AlterField(
            "alert",
            "camera",
            models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="alerts", to="sites.camera"),
        ),
        migrations.AddField("alert", "severity", models.PositiveSmallIntegerField(choices=[(1, "Low"), (2, "Medium"), (3, "High")], default=2)),
        migrations.AddField("alert", "detail", models.CharField(blank=True, max_length=300)),
        migrations.AlterField("alert", "reason", models.CharField(blank=True, choices=REASONS, max_length=20)),
        migrations.AddIndex("alert", models.Index(fields=["-last_t", "-id"], name="alert_last")),
        migrations.AddIndex("alert", models.Index(fields=["-opened"], name="alert_opened")),
        migrations.AlterField("historyentry", "verb", models.CharField(choices=VERBS, max_length=20)),
        migrations.AddField("historyentry", "before", models.JSONField(blank=True, default=dict)),
        migrations.CreateModel(
            "HouseCondition",
            [
                ("key", models.CharField(max_length=120, primary_key=True, serialize=False)),
                ("alert", models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name="conditions", to="alerts.alert")),
                ("since", models.DateTimeField()),
                ("better", models.DateTimeField(null=True)),
            ],
        ),
    ]
