"""Every read of cases."""

from __future__ import annotations

import datetime
from typing import Any

from django.db.models import Exists, Func, JSONField, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from detectors.inputs import media_of
from detectors.persuasion.pictures import READ
from portal.accounts.models import Membership, Role, User
from portal.accounts.queries import sites_of
from portal.analysis import examiners, names, words
from portal.analysis.models import NOTICE_DAYS, Case, CaseFile, CaseState, Upload
from portal.core import media
from portal.core.numbers import whole
from portal.sites.models import Site

WRITERS = (Role.OPERATOR, Role.MANAGER, Role.ADMINISTRATOR)


def cases(user: User) -> QuerySet[Case]:
    """The cases of the user's sites, the user's own with what was asked about their files, and those without a site on which the user works; newest first."""
    if not user.is_authenticated or not user.is_active:
        return Case.objects.none()
    alone = Q(first_case__opened_by=user) | Q(_worked_on(user))
    mine = Q(opened_by=user) | Q(site__in=sites_of(user)) | Q(alone, site=None)
    return Case.objects.filter(mine).select_related("opened_by", "site", "first_case").prefetch_related("files", "conclusions__examiner")


def _worked_on(user: User) -> Exists:
    return Exists(Case.people.through.objects.filter(user=user, case=Coalesce(OuterRef("first_case"), OuterRef("pk"))))


def people_of(case: Case) -> QuerySet[User]:
    """The people who work on a case, by e-mail address: cases about the same files have the same."""
    return case.first.people.order_by("email")


def possible_people(user: User, case: Case) -> QuerySet[User]:
    """Whom this person can let work on the case: who may write at its site; of a case without one, who may at one of the person's sites."""
    sites = sites_of(user) if case.site is None else [case.site]
    may = Membership.objects.filter(Q(site=None) | Q(site__in=sites), user=OuterRef("pk"), role__in=WRITERS)
    return User.objects.filter(Exists(may), is_active=True).exclude(pk__in=people_of(case)).order_by("email")


def case_state(user: User, case_id: int | str) -> dict[str, Any] | None:
    """A case as its page shows it, as plain JSON; None when there is none or the user may not see it."""
    case = cases(user).filter(pk=whole(str(case_id))).first()
    return case and state_of(case, user)


def state_of(case: Case, reader: User) -> dict[str, Any]:
    """The same of a case that was read already: a page that read it twice could say "Done" and hold no report."""
    return {
        "id": case.pk,
        "status": case.state,
        "label": str(case.get_state_display()),
        "title": case.title,
        "tool": case.tool,
        "priority": case.priority,
        "position": position(case),
        "progress": case.progress,
        "step": case.step,
        "stages": [words.stage(each["stage"]) for each in case.stages],
        "problem": case.problem_words,
        "over": case.over,
        "report": case.report,
        "created": case.created.isoformat(),
        "ended": case.ended and case.ended.isoformat(),
        "people": [person.email for person in people_of(case)],
        "kept_until": case.end_date.isoformat(),
        "files": [{"name": file.name, "sha256": file.sha256, "size": file.size, "kind": file.kind_words} for file in case.files.all()],
        "conclusions": examiners.shown(case, reader),
        "evidence": {name: reverse("analysis:evidence", args=[case.pk, name]) for name in case.evidence},
    }


def about_same_files(user: User, case: Case) -> list[Case]:
    """The case and the others about its files that this reader may see, oldest first."""
    return list(of_same_files(case, among=cases(user)))


def of_same_files(case: Case, *, among: QuerySet[Case] | None = None) -> QuerySet[Case]:
    """The same, whoever may see them."""
    first = case.first_case_id or case.pk
    return (Case.objects.all() if among is None else among).filter(Q(pk=first) | Q(first_case=first)).order_by("pk")


def filtered(among: QuerySet[Case], *, text: str = "", tag: str = "", tool: str = "", status: str = "", person: User | None = None) -> QuerySet[Case]:
    """Cases whose title, or a file's name, holds `text`, with this tag, of this tool, open, closed by people or ending soon, on which `person` works.

    What is empty filters nothing.
    """
    if person is not None:
        among = among.filter(_worked_on(person))
    if text:
        among = among.filter(Q(title__icontains=text) | Q(pk__in=CaseFile.objects.filter(name__icontains=text).values("case")))
    if tag:
        among = among.filter(tags__contains=[tag])
    if tool:
        among = among.filter(tool=tool)
    if status == "ending":
        notice = timezone.localdate() + datetime.timedelta(days=NOTICE_DAYS)
        return among.annotate(end=Coalesce("first_case__kept_until", "kept_until")).filter(end__lte=notice)
    return among.filter(closed__isnull=status == "open") if status in ("open", "closed") else among


def tags_of(among: QuerySet[Case]) -> list[str]:
    """The tags in use, sorted."""
    each = Func("tags", function="jsonb_array_elements_text", output_field=TextField())
    return sorted(set(among.exclude(tags=[]).order_by().annotate(tag=each).values_list("tag", flat=True).distinct()), key=str.casefold)


def tools_of(among: QuerySet[Case]) -> list[str]:
    """The names of the tools in use."""
    return sorted(among.order_by().values_list("tool", flat=True).distinct())


def media_of_files(case: Case) -> set[str]:
    """The media of the case's files, read from their content: what a further tool may be asked about. Files no longer kept count for nothing."""
    kept = (media.path(file.sha256) for file in case.files.all() if media.exists(file.sha256))
    return set().union(*map(media_of, kept))


def read_text(case: Case) -> str | None:
    """The text that the case's tool read by machine in a picture, for a person to correct (detectors/persuasion/pictures.py); None where it read none."""
    shown = (case.report or {}).get("evidence", ())
    return next((str(each["text"]) for each in shown if each["kind"] == "marked-text" and each["name"] == READ), None)


def is_wanted(case_id: int) -> bool:
    """Whether nobody has cancelled the case since its tool began."""
    return Case.objects.filter(pk=case_id, state=CaseState.RUNNING).exists()


def position(case: Case) -> int | None:
    """The case's place among those that wait, 1 for the next; None when it does not wait."""
    if case.state != CaseState.QUEUED:
        return None
    before = Q(priority__gt=case.priority) | Q(priority=case.priority, pk__lt=case.pk)
    return Case.objects.filter(before, state=CaseState.QUEUED).count() + 1


def count_at(site: Site) -> int:
    """How many cases belong to a site."""
    return Case.objects.filter(site=site).count()


def held(names: set[str]) -> set[str]:
    """Those of these files (sha256) that came into a case, are on their way into one, or that a case's tool made."""
    came = {name for rows in (CaseFile, Upload) for name in rows.objects.filter(sha256__in=names).values_list("sha256", flat=True)}
    shown = Func("evidence", Value("$.*"), function="jsonb_path_query", output_field=JSONField())
    made = Case.objects.exclude(evidence={}).annotate(made=shown).values_list("made", flat=True) if names - came else ()
    return came | (set(made) & names)


def may_conclude(user: User, case: Case) -> bool:
    """Whether the case's page offers this reader the form of an examiner."""
    return any(user.has_role(role, case.site) for role in examiners.ROLES) and not examiners.refusal(case, user, list(case.conclusions.all()))


def may_answer_names(user: User, case: Case) -> bool:
    """Whether the case's page asks this reader whether it may leave with names."""
    return any(user.has_role(role, case.site) for role in names.ROLES) and not names.refusal(case, user, list(case.names_answers.all()))
