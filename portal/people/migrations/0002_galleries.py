import uuid

import pgvector.django.indexes
import pgvector.django.vector
from django.db import migrations, models


def name_each(apps, schema_editor):
    """Each person who is there gets a name for machines of their own."""
    for person in apps.get_model("people", "Person").objects.filter(uid=None):
        person.uid = uuid.uuid4()
        person.save(update_fields=["uid"])


class Migration(migrations.Migration):

    dependencies = [("people", "0001_initial"), ("sites", "0002_people_version")]

    operations = [
        migrations.AddField("person", "uid", models.UUIDField(null=True, editable=False)),
        migrations.RunPython(name_each, migrations.RunPython.noop),
        migrations.AlterField("person", "uid", models.UUIDField(unique=True, default=uuid.uuid4, editable=False)),
        migrations.AddField("person", "doors", models.ManyToManyField(blank=True, related_name="staff", to="sites.camera")),
        migrations.AddField("person", "changed", models.PositiveIntegerField(default=1)),
        migrations.AddField("template", "small", pgvector.django.vector.VectorField(dimensions=128, null=True)),
        migrations.AddIndex(
            "template",
            pgvector.django.indexes.HnswIndex(name="template_nearest", fields=["vector"], m=16, ef_construction=64, opclasses=["vector_cosine_ops"]),
        ),
    ]
