"""Which command needs which installation, and who carries it out; what is not ours is Django's."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from infra.bootstrap import ensure_environment
from infra.errors import InfraError

ROOT = Path(__file__).resolve().parent.parent
HELP = """Specola: python3 manage.py COMMAND

  up        start everything and stay (--no-demo, --port 8000, --host 127.0.0.1, --home DIR, --footage DIR, --check)
  down      stop what an `up` of the same home folder left running
  status    what runs, on which ports, and whether it is healthy
  doctor    look for what could go wrong on this machine, and say what to do
  test      run every test (--long, --data, and whatever pytest takes)
  bench     measure: bench latency | outbox | ingest [--json]
  agent     a camera's program: agent run|enrol|check|bench|witness --config agent.toml (--train: install what training needs)
  worker    the portal's background worker
  erase-person UID   erase one person everywhere and print the proof
  load-facts        take in the facts that this release ships (`up` does it by itself)
  link-facts        which facts each meme of a folder leans on, as a file for studies
  verify-audit      is the audit log what it was? (--witness FILE of `agent witness` ...; exit status 1: it was changed)
  lock      write requirements/*.lock again from pyproject.toml

Every other command is Django's: `python3 manage.py django-help` lists them.
"""
# command -> (installation it needs, module with a `main(arguments) -> exit status`)
COMMANDS = {
    "up": ("portal", "infra.up"),
    "down": ("portal", "infra.down"),
    "status": ("portal", "infra.status"),
    "doctor": ("portal", "infra.doctor"),
    "test": ("test", "infra.testing"),
    "bench": ("test", "tests.load.bench"),
    "agent": ("agent", "site_agents.__main__"),
    "lock": ("portal", "infra.lock"),
}
# Django's commands for which the embedded services are started when no `up` runs; the others work without a database.
WITH_DATABASE = (
    "migrate",
    "createsuperuser",
    "createadmin",
    "changepassword",
    "shell",
    "dbshell",
    "demo",
    "worker",
    "showmigrations",
    "dumpdata",
    "loaddata",
    "erase-person",
    "verify-audit",
    "load-facts",
    "link-facts",
)


def run(argv: list[str]) -> int:
    """Carry out a command line. The first call runs in whatever Python 3.11 there is and comes back here inside the virtual environment."""
    name, arguments = (argv[1] if len(argv) > 1 else "help"), argv[2:]
    if name in ("help", "-h", "--help") and not arguments:
        print(HELP, end="")
        return 0
    installation, module = COMMANDS.get(name, ("portal", ""))
    if name == "agent" and "--train" in arguments:
        installation = "train"
        arguments.remove("--train")
    try:
        ensure_environment(ROOT, installation, argv)
        return _main_of(module)(arguments) if module else _run_django(argv)
    except InfraError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _main_of(module: str) -> Callable[[list[str]], int]:
    return importlib.import_module(module).main


def _run_django(argv: list[str]) -> int:
    from django.core.management import execute_from_command_line

    from infra.services import borrow_services

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    borrow_services(ROOT, needed=bool({*WITH_DATABASE} & {*argv[1:2]}))
    renamed = {"django-help": ["help"], "erase-person": ["erase_person", *argv[2:]], "verify-audit": ["verify_audit", *argv[2:]]}
    renamed |= {"load-facts": ["load_facts", *argv[2:]], "link-facts": ["link_facts", *argv[2:]]}
    execute_from_command_line([argv[0], *renamed.get(argv[1], argv[1:])])
    return 0
