
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sites', '0003_no_magic_number'),
        ('training', '0004_privacy'),
    ]

    operations = [
        migrations.AddField(
            model_name='modeloutcome',
            name='budget_ms',
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='modeloutcome',
            name='ms',
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name='Compared',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('began', models.FloatField()),
                ('before', models.CharField(blank=True, max_length=64)),
                ('both', models.PositiveBigIntegerField(default=0)),
                ('neither', models.PositiveBigIntegerField(default=0)),
                ('only_new', models.PositiveBigIntegerField(default=0)),
                ('only_old', models.PositiveBigIntegerField(default=0)),
                ('skipped', models.PositiveBigIntegerField(default=0)),
                ('old_ms', models.FloatField(default=0)),
                ('new_ms', models.FloatField(default=0)),
                ('ended', models.CharField(blank=True, max_length=300)),
                ('agent', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='sites.agent')),
                ('row', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='compared', to='training.canarycamera')),
            ],
            options={
                'ordering': ['began', 'id'],
                'constraints': [models.UniqueConstraint(fields=('row', 'agent', 'began'), name='one_start_a_camera')],
            },
        ),
        migrations.CreateModel(
            name='Disagreement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('t', models.DateTimeField()),
                ('old_score', models.FloatField()),
                ('new_score', models.FloatField()),
                ('threshold', models.FloatField()),
                ('snapshot', models.CharField(db_index=True, max_length=64)),
                ('received', models.DateTimeField(auto_now_add=True)),
                ('row', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='disagreements', to='training.canarycamera')),
            ],
            options={
                'ordering': ['-t'],
                'constraints': [models.UniqueConstraint(fields=('row', 'snapshot'), name='one_picture_a_camera')],
            },
        ),
    ]
