from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sites", "0011_ends_plans_and_sources")]

    operations = [
        migrations.AlterField(
            model_name="camera",
            name="legal_mode",
            field=models.CharField(choices=[("M0", "M0 · no biometrics"), ("M1", "M1 · enrolled staff at restricted doors")], default="M0", max_length=2),
        )
    ]
