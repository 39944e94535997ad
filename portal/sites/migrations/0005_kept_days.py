import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sites", "0004_key_rotation")]

    operations = [
        migrations.AddField(
            model_name="site",
            name="kept_days",
            field=models.PositiveSmallIntegerField(
                default=30,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)],
            ),
        ),
    ]
