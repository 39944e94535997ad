"""How much the alerts of a rule matter; rules of before get what their kind has today."""

from django.db import migrations, models

SEVERITY = {"loitering": 1, "line_crossed": 1, "anomaly": 1, "object_left": 3, "tailgating": 3, "unknown_person": 3, "camera_tampered": 3}


def fill(apps, schema_editor):
    """Everything else is medium already."""
    for kind, severity in SEVERITY.items():
        apps.get_model("sites", "Rule").objects.filter(kind=kind).update(severity=severity)


class Migration(migrations.Migration):
    dependencies = [("sites", "0009_former_node_ids")]

    operations = [
        migrations.AddField("rule", "severity", models.PositiveSmallIntegerField(choices=[(1, "Low"), (2, "Medium"), (3, "High")], default=2)),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
