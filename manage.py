#!/usr/bin/env python3
"""The one command of Specola: makes its own virtual environment, then runs inside it (`python3 manage.py help`)."""

# No `from __future__ import annotations` and no new syntax here: an old Python must get as far as the sentence below.
import sys

if sys.version_info[:2] != (3, 11):
    sys.exit("Specola needs Python 3.11 and this is Python %d.%d: run `python3.11 manage.py`." % sys.version_info[:2])  # noqa: UP031

from infra.commands import run

if __name__ == "__main__":
    sys.exit(run(sys.argv))
