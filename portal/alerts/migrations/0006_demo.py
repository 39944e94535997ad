from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("alerts", "0005_fill_severity")]

    operations = [
        migrations.AddField("alert", "demo", models.BooleanField(default=False)),
        migrations.AddField("event", "demo", models.BooleanField(default=False)),
    ]
