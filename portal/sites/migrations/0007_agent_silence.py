from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sites", "0006_contract")]

    operations = [migrations.AddField("agent", "silence_noticed", models.DateTimeField(blank=True, null=True))]
