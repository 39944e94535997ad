import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('training', '0002_canary'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='resumes',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='resumed', to='training.run'),
        ),
        migrations.AddField(model_name='run', name='bytes_sent', field=models.BigIntegerField(default=0)),
        migrations.AddField(model_name='run', name='bytes_received', field=models.BigIntegerField(default=0)),
        migrations.AddField(model_name='runnode', name='cosine', field=models.FloatField(null=True)),
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('task', models.CharField(max_length=40, unique=True)),
                ('plan', models.JSONField(default=dict)),
                ('hour', models.PositiveSmallIntegerField(default=2)),
                ('enabled', models.BooleanField(default=True)),
                ('night', models.DateField(blank=True, null=True)),
                ('note', models.CharField(blank=True, max_length=300)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
            ],
            options={'ordering': ['task']},
        ),
    ]
