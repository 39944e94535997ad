from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0004_sealed_verification")]

    operations = [
        migrations.AddField(model_name="person", name="alternative", field=models.CharField(blank=True, max_length=200)),
        migrations.AddField(model_name="recognition", name="doubtful", field=models.BooleanField(default=False)),
    ]
