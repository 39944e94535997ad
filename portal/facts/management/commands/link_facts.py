"""`python3 manage.py link-facts DATA/persuasion/training OUT.json`: which facts each meme of a folder leans on, for studies of what facts are worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from detectors.files import write_durably
from detectors.persuasion.memes import read_memes
from portal.facts import retrieval


class Command(BaseCommand):
    """For each meme of task 3 its facts as {key, by, statement}, the surest first; by is as in portal/facts/retrieval.py."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Folder and file."""
        parser.add_argument("folder", type=Path)
        parser.add_argument("out", type=Path)

    def handle(self, *args: Any, folder: Path, out: Path, **options: Any) -> None:
        """Link, write, count."""
        linked = {}
        for meme in read_memes(folder, 3):
            found = retrieval.find(meme.text)
            linked[meme.name] = [{"key": each.fact.key, "by": each.by, "statement": each.fact.current.statement_en} for each in found]
        write_durably(out, json.dumps(linked))
        named = sum(any(each["by"] != "words" for each in facts) for facts in linked.values())
        self.stdout.write(f"{len(linked)} memes, {sum(map(bool, linked.values()))} with a fact, {named} of them by a name, {retrieval.count_in_use()} facts")
