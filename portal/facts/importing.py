"""Files of facts that people hand in become proposals: a CSV of ours, or entities of Wikidata as its address Special:EntityData gives them. All or none."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.accounts.permissions import require_role
from portal.core import audit
from portal.core.file_names import shown_name
from portal.facts import actions, content, reading_csv
from portal.facts.content import Citation, FactText
from portal.facts.models import Decision, Fact, FactKind
from portal.facts.reading_csv import BadTable, FactRow, RowProblem

LARGEST = 8 * 2**20  # bytes of one file
MOST_SHOWN = 50  # faults of one file that are named
MOST_ENTITIES = 500
BORN, DIED, MADE, DAY, IS = "P569", "P570", "P571", "P585", "P31"
# What an entity is an instance of -> its kind; the kind that the form gives for any other.
KINDS = {
    **dict.fromkeys(("Q5",), FactKind.PERSON),
    **dict.fromkeys(("Q1656682", "Q1190554", "Q178561", "Q198", "Q13418847"), FactKind.EVENT),
    **dict.fromkeys(("Q839954", "Q41176", "Q515", "Q174782", "Q12518", "Q2977", "Q570116"), FactKind.PLACE),
    **dict.fromkeys(("Q3305213", "Q860861", "Q7725634", "Q11424", "Q838948"), FactKind.WORK),
    **dict.fromkeys(("Q3394889", "Q1207505"), FactKind.SLOGAN),
    **dict.fromkeys(("Q80071", "Q14659"), FactKind.SYMBOL),
}
_TIME = re.compile(r"([+-])0*(\d{1,4})-(\d{2})-(\d{2})T")
_QID = re.compile(r"Q[1-9]\d{0,14}")


def import_file(*, user: User, name: str, data: bytes, kind: str = FactKind.PLACE) -> tuple[int, int]:
    """Propose every fact of a file (CSV, or JSON of Wikidata): how many were proposed, and how many were here already, word for word.

    `kind` is that of Wikidata's entities which do not show theirs. Raises PermissionDenied, or ValidationError with a sentence for each fault, and then
    nothing is proposed.
    """
    require_role(user, None, *actions.PROPOSERS)
    shown = shown_name(name)
    if len(data) > LARGEST:
        raise ValidationError(_("%(name)s is too large: at most %(mb)d MB.") % {"name": shown, "mb": LARGEST >> 20})
    try:
        rows = entities(data, kind) if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" else reading_csv.read(data)
    except BadTable as error:
        raise ValidationError([each.shown(shown) for each in error.problems[:MOST_SHOWN]]) from error
    with transaction.atomic():
        proposed = sum(_propose(user, row, shown) for row in rows)
        audit.record(actor=user, verb="facts.imported", subject="facts", data={"proposed": proposed, "same": len(rows) - proposed})
    return proposed, len(rows) - proposed


def entities(data: bytes, kind: str = FactKind.PLACE) -> list[FactRow]:
    """The entities of Wikidata's JSON, each with its address and revision as the source. Raises BadTable."""
    try:
        found = json.loads(data.decode("utf-8-sig"))["entities"]
        rows = [_entity(name, each, kind) for name, each in found.items()]
    except RecursionError as error:
        raise BadTable([RowProblem(1, "", _("This is not the JSON of a Wikidata entity: %(why)s.") % {"why": "RecursionError"})]) from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BadTable(
            [RowProblem(getattr(error, "lineno", 1), "", _("This is not the JSON of a Wikidata entity: %(why)s.") % {"why": repr(error)})]
        ) from error
    problems = [RowProblem(1, f"{row.key}: {name}", sentence) for row in rows for name, sentence in content.problems(row.text)]
    if len(rows) > MOST_ENTITIES or not rows:
        problems.append(RowProblem(1, "", _("One to %(n)d entities in one file.") % {"n": MOST_ENTITIES}))
    if problems:
        raise BadTable(problems)
    return rows


def _entity(name: str, entity: Mapping[str, Any], kind: str) -> FactRow:
    if not _QID.fullmatch(name):
        raise ValueError(f"{name[:40]} is no entity")
    labels, about = _values(entity.get("labels", {})), _values(entity.get("descriptions", {}))
    english, italian = labels.get("en") or labels.get("mul") or labels.get("it", ""), labels.get("it") or labels.get("mul") or labels.get("en", "")
    other = [each["value"] for alias in entity.get("aliases", {}).values() for each in alias]
    names = [each for each in dict.fromkeys([*labels.values(), *other]) if each not in (english, italian) and content.linking.words_of(each)]
    claims = entity.get("claims") or {}
    begins, ends = _time(claims, BORN) or _time(claims, MADE) or _time(claims, DAY), _time(claims, DIED) or _time(claims, DAY)
    day = datetime.datetime.fromisoformat(entity["modified"].replace("Z", "+00:00")).date()
    where = f"https://www.wikidata.org/w/index.php?title={name}&oldid={int(entity['lastrevid'])}"
    statement = {"en": about.get("en") or about.get("it", ""), "it": about.get("it") or about.get("en", "")}
    text = FactText(
        kind=next((KINDS[each] for each in _items(claims, IS) if each in KINDS), kind),
        name_en=english[: content.LONGEST_NAME],
        name_it=italian[: content.LONGEST_NAME],
        statement_en=statement["en"] and f"{english}: {statement['en']}.",
        statement_it=statement["it"] and f"{italian}: {statement['it']}.",
        sources=(Citation("Wikidata", f"{english or name} ({name})", str(day.year), where),),
        aliases=tuple(names[: content.MOST_ALIASES]),
        begins=begins,
        ends=ends,
        tags=("wikidata",),
    )
    return FactRow(f"wikidata-{name.lower()}", content.cleaned(text))


def _propose(user: User, row: FactRow, name: str) -> int:
    """1 when it was proposed, 0 when the fact, or a proposal that waits, says the same already."""
    fact = Fact.objects.filter(key=row.key).select_related("current").first()
    if fact is not None:
        waiting = fact.versions.filter(author__isnull=False).exclude(pk__in=Decision.objects.values("version"))
        if any(content.of_version(each) == row.text for each in [*waiting, *filter(None, [fact.retired is None and fact.current])]):
            return 0
    place = {"fact_id": fact.pk, "base": fact.current_id} if fact else {"key": row.key}
    actions.propose(user=user, text=row.text, note=_("out of %(name)s") % {"name": name}, **place)
    return 1


def _values(texts: Mapping[str, Any]) -> dict[str, str]:
    return {language: each["value"] for language, each in (texts or {}).items()}


def _items(claims: Mapping[str, Any], name: str) -> list[str]:
    """The entities that a claim points to."""
    return [each["mainsnak"]["datavalue"]["value"]["id"] for each in claims.get(name, []) if "datavalue" in each["mainsnak"]]


def _time(claims: Mapping[str, Any], name: str) -> str:
    """The first moment that a claim gives, as exactly as it is given: a day, else a year; "" for centuries and for none."""
    for each in claims.get(name, []):
        value = each["mainsnak"].get("datavalue", {}).get("value", {})
        found = _TIME.match(value.get("time", ""))
        if found is None or value.get("precision", 0) < 9 or each.get("rank") == "deprecated":
            continue
        sign = "-" if found[1] == "-" else ""
        return f"{sign}{int(found[2]):04d}-{found[3]}-{found[4]}" if value["precision"] >= 11 else f"{sign}{int(found[2])}"
    return ""
