"""Alerts of before get the severity of their kind; everything else is medium already."""

from django.db import migrations

SEVERITY = {"loitering": 1, "anomaly": 1, "object_left": 3, "tailgating": 3, "unknown_person": 3, "camera_tampered": 3}


def fill(apps, schema_editor):
    for kind, severity in SEVERITY.items():
        apps.get_model("alerts", "Alert").objects.filter(kind=kind).update(severity=severity)


class Migration(migrations.Migration):
    dependencies = [("alerts", "0004_severity")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
