"""What a fact in use is found by, made from its current version: names for the links in texts, and words for the search."""

from __future__ import annotations

from django.contrib.postgres.search import SearchVector
from django.db.models import Value

from portal.facts import linking
from portal.facts.models import Fact, FactAlias, FactVersion

LONGEST_KEY = 300  # of a name; some single signs stand for many letters


def rebuild(fact: Fact) -> None:
    """Make both anew; a fact that is not in use is found by nothing. Call it in the transaction that changes `current` or `retired`."""
    fact.alias_rows.all().delete()
    version = fact.current if fact.retired is None else None
    if version is None:
        Fact.objects.filter(pk=fact.pk).update(search_en=None, search_it=None, search_plain=None)
        return
    FactAlias.objects.bulk_create(_alias_rows(fact, version))
    names = " \n ".join((version.name_en, version.name_it, *(each.removeprefix("=") for each in version.aliases)))
    Fact.objects.filter(pk=fact.pk).update(
        search_en=_vector("english", names, version.statement_en),
        search_it=_vector("italian", names, version.statement_it),
        search_plain=_vector("simple", names, f"{version.statement_en} {version.statement_it} {' '.join(version.tags)}"),
    )


def _alias_rows(fact: Fact, version: FactVersion) -> list[FactAlias]:
    """A name that an alias asks for in exact case counts in no other."""
    rows: dict[tuple[str, str], FactAlias] = {}
    only_exact = {linking.key_of(each) for each in version.aliases if each.startswith("=")}
    for each in (version.name_en, version.name_it, *version.aliases):
        text = each.removeprefix("=")
        key = linking.key_of(text)
        exact = key in only_exact
        if linking.linkable(text, exact=exact) and len(key) <= LONGEST_KEY:
            rows.setdefault((key, text if exact else ""), FactAlias(fact=fact, text=text, key=key, first=key.split(" ", 1)[0], exact=exact))
    return list(rows.values())


def _vector(config: str, names: str, statement: str) -> SearchVector:
    return SearchVector(Value(names), config=config, weight="A") + SearchVector(Value(statement), config=config, weight="B")
