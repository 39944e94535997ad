"""Mask passwords and keys that stand in texts which others read: until now nothing refused them there."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from portal.core.secrets import mask_secrets

SHOWN = {
    ("sites", "Site"): ("name", "place", "note"),
    ("sites", "Camera"): ("name", "note"),
    ("sites", "Zone"): ("name",),
    ("sites", "Line"): ("name",),
    ("alerts", "HistoryEntry"): ("text",),
    ("analysis", "Case"): ("title",),
    ("people", "Person"): ("name", "title", "document"),
    ("accounts", "User"): ("name",),
}  # not the audit log, whose chain of hashes would break (its page masks them), and no sealed conclusion, whose seal would


def mask(apps: Any, schema_editor: Any) -> None:
    """A row whose masked name would be taken already gets its number behind it."""
    for (app, model), fields in SHOWN.items():
        rows = apps.get_model(app, model).objects
        for row in rows.only("pk", *fields).iterator():
            changed = {name: masked for name in fields if (masked := mask_secrets(getattr(row, name))) != getattr(row, name)}
            if "name" in changed:
                changed["name"] = f"{changed['name'][:40]} {row.pk}"
            if changed:
                rows.filter(pk=row.pk).update(**changed)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_language_follows_the_browser"),
        ("alerts", "0003_alert_label"),
        ("analysis", "0005_tools_by_name"),
        ("people", "0004_sealed_verification"),
        ("sites", "0009_former_node_ids"),
    ]
    operations = [migrations.RunPython(mask, migrations.RunPython.noop, elidable=True)]
