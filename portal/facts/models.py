"""Facts with their sources: what was written, by whom, who agreed, and what is in use now."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from portal.facts import periods


class FactKind(models.TextChoices):
    PERSON = "person", _("Person")
    EVENT = "event", _("Event")
    PLACE = "place", _("Place")
    DATE = "date", _("Date")
    SLOGAN = "slogan", _("Slogan")
    QUOTATION = "quotation", _("Quotation")
    SYMBOL = "symbol", _("Symbol")
    WORK = "work", _("Work")


class ProposalOutcome(models.TextChoices):
    APPROVED = "approved", _("approved")
    REFUSED = "refused", _("not approved")
    WITHDRAWN = "withdrawn", _("withdrawn by its author")


class Fact(models.Model):
    """One fact; what it states stands in its versions. `current` is the version in use (None: none was approved yet), `retired` when it was taken out of use.

    `shipped_sha256` is the digest of what a release last brought for it; "" for a fact that people of this portal began. The search columns are made
    from `current` by portal/facts/index.py.
    """

    key = models.SlugField(max_length=120, unique=True)
    current = models.ForeignKey("FactVersion", models.PROTECT, null=True, blank=True, related_name="+")
    retired = models.DateTimeField(null=True, blank=True)
    shipped_sha256 = models.CharField(max_length=64, blank=True)
    search_en = SearchVectorField(null=True, editable=False)
    search_it = SearchVectorField(null=True, editable=False)
    search_plain = SearchVectorField(null=True, editable=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["key"]
        indexes = [GinIndex(fields=["search_en", "search_it", "search_plain"], name="facts_search")]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Its name in the reader's language; the key of one that was never approved."""
        return self.current.name if self.current else self.key


class FactVersion(models.Model):
    """What somebody wrote about a fact, for good: a row is never changed (the database refuses it), a change is a new row.

    `author` is None where a release of Specola brought it: then it is in use without a decision. `base` is the version in use that its author had before
    them: a proposal whose base is no longer in use cannot be approved. `retires`: it proposes to take the fact out of use. `aliases` are other names in any
    language, a leading "=" for exact case. `sources` are {"author", "title", "year", "where"}; `checked`: its author compared it with them.
    """

    fact = models.ForeignKey(Fact, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    base = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    retires = models.BooleanField(default=False)
    kind = models.CharField(max_length=20, choices=FactKind.choices)
    name_en = models.CharField(max_length=200)
    name_it = models.CharField(max_length=200)
    aliases = models.JSONField(default=list, blank=True)
    statement_en = models.TextField()
    statement_it = models.TextField()
    begins = models.CharField(max_length=12, blank=True)
    ends = models.CharField(max_length=12, blank=True)
    sources = models.JSONField(default=list)
    tags = models.JSONField(default=list, blank=True)
    checked = models.BooleanField(default=False)
    note = models.CharField(max_length=500, blank=True)  # why it is proposed
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    made = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["fact", "number"], name="one_version_of_a_number")]

    def __str__(self) -> str:
        return f"{self.name_en} {self.number}"

    def save(self, *arguments: Any, **named: Any) -> None:
        if self.pk is not None:
            raise TypeError("a version of a fact is never changed: make a new one")
        super().save(*arguments, **named)

    @property
    def shipped(self) -> bool:
        """Whether a release of Specola brought it, not a person of this portal."""
        return self.author_id is None

    @property
    def name(self) -> str:
        """Its name in the reader's language."""
        return self.name_it if (get_language() or "").startswith("it") else self.name_en

    @property
    def statement(self) -> str:
        """What it states, in the reader's language."""
        return self.statement_it if (get_language() or "").startswith("it") else self.statement_en

    @property
    def period(self) -> str:
        """From when to when, in the reader's language."""
        return periods.shown(self.begins, self.ends)


class Decision(models.Model):
    """What became of a proposal, once: by a second person, or withdrawn by its author."""

    version = models.OneToOneField(FactVersion, models.PROTECT, related_name="decision")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=20, choices=ProposalOutcome.choices)
    reason = models.CharField(max_length=500, blank=True)
    made = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.outcome} {self.version_id}"


class FactAlias(models.Model):
    """A name under which a fact in use is found in texts: made from its current version, `key` as portal/facts/linking.py reads words."""

    fact = models.ForeignKey(Fact, models.CASCADE, related_name="alias_rows")
    text = models.CharField(max_length=300)
    key = models.CharField(max_length=300)
    first = models.CharField(max_length=300, db_index=True)  # the key's first word
    exact = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["fact", "key", "text"], name="one_alias_of_a_fact")]

    def __str__(self) -> str:
        return self.text
