from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0003_face_log")]

    operations = [migrations.AddField("verification", "nonce", models.CharField(blank=True, max_length=64))]
