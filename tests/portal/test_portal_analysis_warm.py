"""A worker prepares for examinations before it takes jobs: the first case does not wait for the imports of every detector."""

from __future__ import annotations

import subprocess
import sys

START = """
import django, psutil
django.setup()
from portal.core import jobs
before = len(psutil.Process().children())
jobs.prepare_worker()
print(before, len(psutil.Process().children()) > 0)
"""


def test_a_worker_starts_the_server_of_examinations_before_its_first_job():
    run = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0", "True"]
