from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analysis", "0006_custody")]

    operations = [
        migrations.AddField(
            model_name="case",
            name="first_case",
            field=models.ForeignKey(blank=True, null=True, on_delete=models.deletion.SET_NULL, related_name="later_cases", to="analysis.case"),
        ),
    ]
