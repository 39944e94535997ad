import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

VERDICTS = [("waiting", "To be verified"), ("right", "Right person"), ("wrong", "Wrong person"), ("unclear", "Not agreed")]
ANSWERS = [("yes", "Yes, it is this person"), ("no", "No, it is somebody else"), ("unsure", "Cannot tell")]
KEY = ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))


class Migration(migrations.Migration):

    dependencies = [
        ("people", "0002_galleries"),
        ("alerts", "0001_initial"),
        ("sites", "0003_no_magic_number"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            "Recognition",
            [
                KEY,
                ("visit", models.CharField(max_length=32)),
                ("started", models.DateTimeField()),
                ("ended", models.DateTimeField(null=True)),
                ("net", models.CharField(max_length=40)),
                ("model_sha256", models.CharField(blank=True, max_length=64)),
                ("gallery_version", models.PositiveIntegerField()),
                ("people", models.PositiveIntegerField()),
                ("score", models.FloatField()),
                ("threshold", models.FloatField()),
                ("frames", models.PositiveIntegerField()),
                ("zone", models.CharField(blank=True, max_length=60)),
                ("snapshot", models.CharField(blank=True, max_length=64)),
                ("verdict", models.CharField(choices=VERDICTS, default="waiting", max_length=10)),
                ("camera", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="recognitions", to="sites.camera")),
                ("event", models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="alerts.event")),
                ("person", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="recognitions", to="people.person")),
            ],
            options={"ordering": ["-started", "-id"]},
        ),
        migrations.CreateModel(
            "Verification",
            [
                KEY,
                ("answer", models.CharField(choices=ANSWERS, max_length=10)),
                ("made", models.DateTimeField(auto_now_add=True)),
                ("recognition", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="verifications", to="people.recognition")),
                ("verifier", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.CreateModel(
            "DoorDay",
            [
                KEY,
                ("day", models.DateField()),
                ("people", models.PositiveIntegerField()),
                ("strangers", models.PositiveIntegerField(default=0)),
                ("scores", models.JSONField(default=dict)),
                ("last", models.JSONField(default=dict)),
                ("camera", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="door_days", to="sites.camera")),
            ],
            options={"ordering": ["-day"]},
        ),
        migrations.AddConstraint("recognition", models.UniqueConstraint(fields=("camera", "visit", "person"), name="one_recognition_a_visit")),
        migrations.AddIndex("recognition", models.Index(fields=["camera", "-started"], name="recognition_log")),
        migrations.AddIndex("recognition", models.Index(fields=["snapshot"], name="recognition_picture")),
        migrations.AddConstraint("verification", models.UniqueConstraint(fields=("recognition", "verifier"), name="one_verification_each")),
        migrations.AddConstraint("doorday", models.UniqueConstraint(fields=("camera", "day", "people"), name="one_count_a_day")),
    ]
