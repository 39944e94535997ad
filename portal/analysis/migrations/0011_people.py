from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("analysis", "0010_kept_until"),
    ]

    operations = [
        migrations.AddField(
            model_name="case",
            name="people",
            field=models.ManyToManyField(related_name="cases_worked_on", to=settings.AUTH_USER_MODEL),
        ),
    ]
