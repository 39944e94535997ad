from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """The step is the last of a case's stages."""

    dependencies = [("analysis", "0003_desk")]
    operations = [migrations.RemoveField("case", "step")]
