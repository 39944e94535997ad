"""What the nodes are doing within a round."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("training", "0005_shadow")]

    operations = [migrations.AddField("run", "progress", models.JSONField(blank=True, default=dict))]
