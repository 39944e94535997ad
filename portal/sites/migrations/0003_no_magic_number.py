"""The least likeness follows from the length of the staff list now; the number that was everybody's default is nobody's wish."""

from typing import Any

from django.db import migrations


def forget_default(apps: Any, schema_editor: Any) -> None:
    for rule in apps.get_model("sites", "Rule").objects.filter(kind="unknown_person", parameters__threshold=0.363):
        del rule.parameters["threshold"]
        rule.save(update_fields=["parameters"])


class Migration(migrations.Migration):
    dependencies = [("sites", "0002_people_version")]
    operations = [migrations.RunPython(forget_default, migrations.RunPython.noop)]
