import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sites', '0003_no_magic_number'),
        ('training', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='modelversion',
            name='state',
            field=models.CharField(choices=[('candidate', 'Candidate'), ('canary', 'Canary'), ('published', 'Published'), ('retired', 'Retired'), ('rolled back', 'Rolled back')], default='candidate', max_length=20),
        ),
        migrations.AddConstraint(
            model_name='modelversion',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'canary')), fields=('detector',), name='one_canary'),
        ),
        migrations.CreateModel(
            name='Canary',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('began', models.DateTimeField(default=django.utils.timezone.now)),
                ('ended', models.DateTimeField(blank=True, null=True)),
                ('outcome', models.CharField(blank=True, max_length=20)),
                ('reason', models.TextField(blank=True)),
                ('automatic', models.BooleanField(default=False)),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='canaries', to='training.modelversion')),
                ('started_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
            ],
            options={'ordering': ['-id']},
        ),
        migrations.CreateModel(
            name='CanaryCamera',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('installed', models.DateTimeField(blank=True, null=True)),
                ('camera', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='sites.camera')),
                ('canary', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='cameras', to='training.canary')),
            ],
            options={
                'ordering': ['camera__name', 'id'],
                'constraints': [models.UniqueConstraint(fields=('canary', 'camera'), name='one_camera_a_canary')],
            },
        ),
        migrations.CreateModel(
            name='Sample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('t', models.DateTimeField(default=django.utils.timezone.now)),
                ('latency_ms', models.FloatField(null=True)),
                ('started', models.FloatField(null=True)),
                ('fps', models.FloatField(null=True)),
                ('dropped', models.BigIntegerField(null=True)),
                ('agent', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='samples', to='sites.agent')),
            ],
            options={
                'ordering': ['t'],
                'indexes': [models.Index(fields=['agent', 't'], name='sample_of_agent'), models.Index(fields=['t'], name='sample_time')],
            },
        ),
    ]
