from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('training', '0003_console'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='privacy',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='runnode',
            name='epsilon',
            field=models.FloatField(null=True),
        ),
    ]
