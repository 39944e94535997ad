"""Cases of the analysis desk: files that came in, the tool that looks at them, its report."""

from __future__ import annotations

import datetime
import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.analysis import kinds, tools, words
from portal.core.reasons import in_words


class Support(models.TextChoices):
    """An examiner's words, from one person to two people; no word claims an identity."""

    ONE_STRONG = "one-strong", _("Strong support for one person")
    ONE_MODERATE = "one-moderate", _("Moderate support for one person")
    ONE_WEAK = "one-weak", _("Weak support for one person")
    NEITHER = "neither", _("Supports neither")
    TWO_WEAK = "two-weak", _("Weak support for two people")
    TWO_MODERATE = "two-moderate", _("Moderate support for two people")
    TWO_STRONG = "two-strong", _("Strong support for two people")


class CaseState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class Priority(models.IntegerChoices):
    """What comes first in the queue; equal cases go in the order in which they were opened."""

    NORMAL = 0, _("Normal")
    URGENT = 10, _("Urgent")


KEPT_DAYS = 365  # from the day a case is opened, until a person chooses another end
NOTICE_DAYS = 14  # so long before its end the desk says it


def default_end() -> datetime.date:
    """The end date of a case opened today."""
    return timezone.localdate() + datetime.timedelta(days=KEPT_DAYS)


class Case(models.Model):
    """One question to one tool. `report` is detectors.types.Report as JSON.

    `evidence` maps the name of a picture or clip that the tool made to its sha256 in the media store.
    Cases about the same files share a `first_case`: one question each, so that each has its own report, examiners and custody.
    `stages` are the steps the tool has begun, in order: `{share, stage, t}`. `failure` is why there is no report, as `{code, params}`; `problem` is the same
    as an English sentence (of cases of the first version all there is).
    """

    title = models.CharField(max_length=200)
    site = models.ForeignKey("sites.Site", models.SET_NULL, null=True, blank=True)
    tool = models.CharField(max_length=100)
    first_case = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="later_cases"
    )  # the case whose files another tool was asked about here
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    state = models.CharField(max_length=20, choices=CaseState.choices, default=CaseState.QUEUED)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    progress = models.FloatField(default=0)
    stages = models.JSONField(default=list, blank=True)
    problem = models.TextField(blank=True)
    failure = models.JSONField(null=True, blank=True)
    report = models.JSONField(null=True, blank=True)
    evidence = models.JSONField(default=dict, blank=True)
    tags = models.JSONField(default=list, blank=True)
    options = models.JSONField(default=dict, blank=True)  # of the tool; `columns`: which column of a table a person has set to be what (detectors/posts.py)
    people = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="cases_worked_on")  # of the `first_case` where there is one
    closed = models.DateTimeField(null=True, blank=True)  # people are done with it; `state` is how far the tool is
    created = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True, blank=True)
    kept_until = models.DateField(default=default_end, null=True, db_index=True)  # None: with the `first_case` (portal/analysis/retention.py)
    pseudonymised = False  # True of a copy made to leave the house (portal/analysis/leaving.py)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.title

    @property
    def tool_name(self) -> str:
        """The tool's title, in the reader's language."""
        return tools.title_of(self.tool)

    @property
    def examined(self) -> bool:
        """Whether two examiners conclude on it."""
        entry = tools.entry_of(self.tool)
        return entry is not None and entry.examiners

    @property
    def problem_words(self) -> str:
        """Why there is no report, in the reader's language."""
        return words.failure(self.failure["code"], self.failure["params"]) if self.failure else in_words(self.problem)

    @property
    def step(self) -> str:
        """What the tool is doing now, in the reader's language."""
        return words.stage(self.stages[-1]["stage"]) if self.stages and self.state == CaseState.RUNNING else ""

    @property
    def first(self) -> Case:
        """The first of the cases about its files: it has the people and the end date of them all."""
        return self.first_case or self

    @property
    def end_date(self) -> datetime.date:
        """The last day of the case: cases about the same files have one."""
        return self.first.kept_until

    @property
    def ends_soon(self) -> bool:
        """Whether the last two weeks of the case have begun."""
        return self.end_date <= timezone.localdate() + datetime.timedelta(days=NOTICE_DAYS)

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in (CaseState.DONE, CaseState.FAILED, CaseState.CANCELLED)


class CaseFile(models.Model):
    """A file as it came in; the bytes lie in the media store under their sha256."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="files")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=20)
    for_tool = models.BooleanField(default=True)  # else somebody added it later: it belongs to the case, the tool never looked at it
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    added = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name

    @property
    def kind_words(self) -> str:
        """The kind, in the reader's language."""
        return str(_(kinds.TEXT)) if self.kind == kinds.TEXT else self.kind


class CaseNote(models.Model):
    """What somebody wrote about a case; a note is never changed."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    text = models.TextField()
    made = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.author} #{self.case_id}"


class Upload(models.Model):
    """A file on its way to the desk, in pieces. `offset` bytes are safely on the disk; `sha256` stands here when all are, and the media store holds them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    offset = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    kind = models.CharField(max_length=20, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["created"]

    def __str__(self) -> str:
        return self.name

    @property
    def part(self) -> Path:
        """Where the pieces lie until the last one is in: on the media store's own disk, so that it takes the file over by renaming it."""
        return settings.MEDIA_FOLDER / "incoming" / str(self.pk)


class Conclusion(models.Model):
    """What one of the two examiners of a comparison concluded, alone. `nonce` seals it in the audit log until both are in."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="conclusions")
    examiner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    support = models.CharField(max_length=20, choices=Support.choices)
    note = models.TextField()
    nonce = models.CharField(max_length=64)
    made = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["case", "examiner"], name="one_conclusion_each")]

    def __str__(self) -> str:
        return f"{self.examiner} #{self.case_id}"


class NamesAnswer(models.Model):
    """Whether one of two people agrees that a case may leave the house with the names of the accounts in it. `nonce` seals it until both are in."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="names_answers")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    agrees = models.BooleanField()
    reason = models.TextField()
    nonce = models.CharField(max_length=64)
    made = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["case", "person"], name="one_names_answer_each")]

    def __str__(self) -> str:
        return f"{self.person} #{self.case_id}"
