"""The facts that a release brings (seeds/*.csv): taken in once, changed with a newer release, and never over what people of this portal wrote.

A shipped fact is in use by definition of the release; its pages say that the project wrote it and nobody here compared it with its source.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from django.db import transaction

from portal.core import audit
from portal.facts import actions, reading_csv
from portal.facts.models import Fact
from portal.facts.reading_csv import BadTable, FactRow

FOLDER = Path(__file__).with_name("seeds")


class BadRelease(Exception):
    """A shipped file is wrong; str() names file, line and column of every fault."""


@dataclasses.dataclass(slots=True)
class Shipment:
    """How many facts were new, changed, as before, and left as this portal's people made them."""

    added: int = 0
    changed: int = 0
    same: int = 0
    kept: int = 0


def load(folder: Path = FOLDER) -> Shipment:
    """Take in what is new in the files of a folder; running it again changes nothing. Raises BadRelease, and then nothing is taken in."""
    rows, done = rows_of(folder), Shipment()
    with transaction.atomic():
        facts = {fact.key: fact for fact in Fact.objects.select_for_update(no_key=True, of=("self",)).select_related("current").order_by("pk")}
        for row in rows:
            _take_in(row, facts.get(row.key), done)
        if done.added or done.changed:
            audit.record(actor="system", verb="facts.shipped", subject="facts", data={**dataclasses.asdict(done)})
    return done


def rows_of(folder: Path = FOLDER) -> list[FactRow]:
    """Every row of every file, each key once. Raises BadRelease."""
    rows: list[FactRow] = []
    wrong: list[str] = []
    places: dict[str, str] = {}
    for file in sorted(folder.glob("*.csv")):
        try:
            found = reading_csv.read(file.read_bytes())
        except BadTable as error:
            wrong += [each.shown(file.name) for each in error.problems]
            continue
        wrong += [f"{file.name}: the key {row.key} stands in {places[row.key]} too" for row in found if row.key in places]
        places |= {row.key: file.name for row in found}
        rows += found
    if wrong:
        raise BadRelease("\n".join(wrong))
    return rows


def _take_in(row: FactRow, fact: Fact | None, done: Shipment) -> None:
    digest = row.text.sha256()
    if fact is None:
        fact = Fact.objects.create(key=row.key, shipped_sha256=digest)
        done.added += 1
    elif fact.shipped_sha256 == digest:
        done.same += 1
        return
    elif fact.retired is not None or (fact.current and not fact.current.shipped) or not fact.shipped_sha256:
        done.kept += 1
        return
    else:
        fact.shipped_sha256 = digest
        fact.save(update_fields=["shipped_sha256"])
        done.changed += 1
    actions.bring_into_use(fact, actions.write(fact, row.text, author=None))
