"""The numbers of nodes that were let go with a revoked agent; those of before are read from the audit log."""

import django.contrib.postgres.fields
from django.db import migrations, models


def fill(apps, schema_editor):
    """Give every agent the numbers it once had, so that old model cards name its camera."""
    Agent, FormerKeys, AuditRow = apps.get_model("sites", "Agent"), apps.get_model("sites", "FormerKeys"), apps.get_model("core", "AuditRow")
    for agent in Agent.objects.all():
        rows = AuditRow.objects.filter(verb__in=["agent.node_registered", "agent.node_unregistered"], subject=f"agent:{agent.pk}").order_by("pk")
        held = {agent.node_id, agent.next_node_id, *FormerKeys.objects.filter(agent=agent).values_list("node_id", flat=True)}
        numbers = dict.fromkeys(str(row.data.get("node") or "")[:40] for row in rows)
        if former := [number for number in numbers if number and number not in held]:
            Agent.objects.filter(pk=agent.pk).update(former_node_ids=former)


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial"), ("sites", "0008_listening_period")]

    operations = [
        migrations.AddField(
            "agent",
            "former_node_ids",
            django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
