from django.db import migrations, models
from django.db.models import deletion


class Migration(migrations.Migration):
    dependencies = [("alerts", "0002_verdicts")]

    operations = [
        migrations.RenameModel("Verdict", "AlertLabel"),
        migrations.RenameModel("Entry", "HistoryEntry"),
        migrations.AlterField("alertlabel", "alert", models.OneToOneField(on_delete=deletion.CASCADE, related_name="label", to="alerts.alert")),
        migrations.AlterField("alertlabel", "camera", models.ForeignKey(on_delete=deletion.CASCADE, related_name="alert_labels", to="sites.camera")),
        migrations.RenameIndex("alertlabel", "alert_label_order", old_name="verdict_order"),
    ]
