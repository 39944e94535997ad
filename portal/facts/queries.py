"""Every read of facts."""

from __future__ import annotations

import dataclasses
import re

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import QueryDict

from portal.accounts.models import User
from portal.accounts.permissions import holds_any
from portal.analysis import queries as desk
from portal.analysis.models import Case
from portal.facts import actions, linking
from portal.facts.models import Decision, Fact, FactAlias, FactKind, FactVersion

STATES = ("in_use", "waiting", "retired")
SEARCHED = (("search_plain", "simple"), ("search_en", "english"), ("search_it", "italian"))


@dataclasses.dataclass(frozen=True, slots=True)
class FactFilters:
    """What the reader of the list asked for; an empty field asks for everything."""

    q: str = ""
    kind: str = ""
    tag: str = ""
    origin: str = ""
    state: str = ""

    @classmethod
    def read(cls, parameters: QueryDict) -> FactFilters:
        """From a query string; values are cut at 200 characters."""
        values = {field.name: parameters.get(field.name, "")[:200].strip() for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if "\x00" not in value})

    @property
    def any(self) -> bool:
        """Whether something is asked for."""
        return any(dataclasses.astuple(self))


def facts(reader: User) -> QuerySet[Fact]:
    """Every fact, for who works at the desk; by key."""
    if not reader.is_authenticated or not holds_any(reader, actions.PROPOSERS):
        return Fact.objects.none()
    return Fact.objects.select_related("current", "current__author")


def listed(reader: User, filters: FactFilters) -> QuerySet[Fact]:
    """What the list shows: facts in use unless another state is asked for; of a search the best answers first."""
    rows = facts(reader)
    if filters.state == "waiting":
        rows = rows.filter(Exists(waiting_versions().filter(fact=OuterRef("pk"))))
    elif filters.state == "retired":
        rows = rows.filter(retired__isnull=False)
    else:
        rows = rows.filter(current__isnull=False, retired=None)
    if filters.kind in FactKind.values:
        rows = rows.filter(current__kind=filters.kind)
    if filters.tag:
        rows = rows.filter(current__tags__contains=[filters.tag])
    if filters.origin in ("shipped", "here"):
        rows = rows.filter(current__author__isnull=filters.origin == "shipped")
    return _searched(rows, filters.q) if filters.q else rows.order_by("current__name_en", "key")


def tags_of(reader: User) -> list[str]:
    """The tags in use, sorted."""
    found = facts(reader).filter(retired=None, current__isnull=False).order_by().values_list("current__tags", flat=True)
    return sorted({tag for tags in found for tag in tags}, key=str.casefold)


def fact(reader: User, pk: int) -> Fact:
    """One fact. Raises Fact.DoesNotExist."""
    return facts(reader).get(pk=pk)


def versions(of: Fact) -> QuerySet[FactVersion]:
    """Its history, the newest first."""
    return of.versions.select_related("author", "decision", "decision__person", "base")


def version(reader: User, pk: int) -> FactVersion:
    """One version of any fact. Raises FactVersion.DoesNotExist."""
    rows = FactVersion.objects.filter(fact__in=facts(reader))
    return rows.select_related("fact", "fact__current", "author", "decision", "decision__person", "base").get(pk=pk)


def waiting_versions() -> QuerySet[FactVersion]:
    """Proposals that nobody has decided."""
    return FactVersion.objects.filter(author__isnull=False).exclude(Exists(Decision.objects.filter(version=OuterRef("pk"))))


def waiting(reader: User) -> QuerySet[FactVersion]:
    """The same for a page, the oldest first."""
    return waiting_versions().filter(fact__in=facts(reader)).select_related("fact", "fact__current", "author").order_by("pk")


def state_of(row: FactVersion) -> str:
    """One word for what became of a version: in_use, retired, waiting, outdated, approved (once), refused, withdrawn."""
    decision = getattr(row, "decision", None)
    if row.pk == row.fact.current_id:
        return "retired" if row.fact.retired else "in_use"
    if decision is not None or row.shipped:
        return decision.outcome if decision else "approved"
    return "waiting" if row.base_id == row.fact.current_id else "outdated"


def may_approve(reader: User, row: FactVersion) -> bool:
    """Whether this reader may bring a waiting proposal into use: another person than its author, in a role that approves."""
    return state_of(row) == "waiting" and row.author_id != reader.pk and holds_any(reader, actions.APPROVERS)


def cases_with(reader: User, of: Fact) -> QuerySet[Case]:
    """The cases of this reader whose report shows the fact, the newest first."""
    return desk.cases(reader).filter(report__facts__contains=[{"fact": of.pk}])


def _searched(rows: QuerySet[Fact], words: str) -> QuerySet[Fact]:
    """Facts with this name first, then what PostgreSQL ranks."""
    named = Exists(FactAlias.objects.filter(fact=OuterRef("pk"), key=linking.key_of(words)))
    found = Q(named) | Q(key=re.sub(r"\s+", "-", words.lower()))
    found |= Q(current__name_en__icontains=words) | Q(current__name_it__icontains=words)
    rank = None
    for column, config in SEARCHED:
        query = SearchQuery(words, config=config, search_type="websearch")
        found |= Q(**{column: query})
        part = SearchRank(F(column), query, normalization=2)
        rank = part if rank is None else rank + part
    return rows.filter(found).annotate(named=named, rank=rank).order_by("-named", F("rank").desc(nulls_last=True), "key")
