from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0005_alternative_and_doubt")]

    operations = [
        migrations.AddField(
            model_name="recognition",
            name="liveness",
            field=models.CharField(
                blank=True,
                choices=[("cannot-say", "Cannot say whether it is live"), ("live", "A live face"), ("not-live", "Not a live face")],
                default="",
                max_length=10,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="recognition",
            name="liveness_reason",
            field=models.CharField(blank=True, default="", max_length=20),
            preserve_default=False,
        ),
    ]
