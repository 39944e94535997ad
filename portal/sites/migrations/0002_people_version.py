from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("sites", "0001_initial")]

    operations = [migrations.AddField("site", "people_version", models.PositiveIntegerField(default=1))]
