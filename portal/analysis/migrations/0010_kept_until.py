"""Every case gets an end date: a year from its opening, but nothing that is here goes within 90 days of the update."""

import datetime

from django.db import migrations, models
from django.utils import timezone

import portal.analysis.models


def set_ends(apps, schema_editor):
    Case = apps.get_model("analysis", "Case")
    least = timezone.localdate() + datetime.timedelta(days=90)
    Case.objects.exclude(first_case=None).update(kept_until=None)
    for case in Case.objects.filter(first_case=None).only("pk", "created").iterator():
        ends = timezone.localdate(case.created) + datetime.timedelta(days=portal.analysis.models.KEPT_DAYS)
        Case.objects.filter(pk=case.pk).update(kept_until=max(ends, least))


class Migration(migrations.Migration):

    dependencies = [
        ("analysis", "0009_options"),
    ]

    operations = [
        migrations.AddField(
            model_name="case",
            name="kept_until",
            field=models.DateField(db_index=True, default=portal.analysis.models.default_end, null=True),
        ),
        migrations.RunPython(set_ends, migrations.RunPython.noop),
    ]
