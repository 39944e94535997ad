from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sites", "0012_enrolled_staff")]

    operations = [migrations.AddField(model_name="camera", name="view", field=models.PositiveIntegerField(default=0))]
