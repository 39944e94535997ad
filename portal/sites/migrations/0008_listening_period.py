"""Since when the portal has been there to take agents' calls."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sites", "0007_agent_silence")]

    operations = [
        migrations.CreateModel(
            name="ListeningPeriod",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
            ],
        ),
    ]
