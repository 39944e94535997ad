"""Every change of cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.accounts.models import Role, User
from portal.accounts.permissions import require_role
from portal.accounts.queries import sites_of
from portal.analysis import examiners, intake, queries, words
from portal.analysis.models import Case, CaseFile, CaseState, Conclusion, Priority
from portal.analysis.sandbox import Findings
from portal.core import audit, jobs, media, push
from portal.core.secrets import mask_secrets, refuse_secret
from portal.core.two_person import new_nonce
from portal.sites.models import Site

run_case = jobs.named("analysis.run_case")
DEFAULT_TOOL = "picture-check"
WRITERS = queries.WRITERS
PRIORITY_ROLES = (Role.OPERATOR, Role.ADMINISTRATOR)
MOST_STAGES = 50  # kept of a tool that names very many
MOST_WAITING = 50  # cases whose pages are told at once that they moved up


def open_case(
    *,
    user: User,
    tool: str = DEFAULT_TOOL,
    files: Sequence[UploadedFile] = (),
    uploads: Sequence[str] = (),
    text: str = "",
    text_name: str = "",
    title: str = "",
    site: Site | None = None,
    priority: int = Priority.NORMAL,
    kept: Sequence[CaseFile] = (),
    first_case: Case | None = None,
    options: dict[str, Any] | None = None,
) -> Case:
    """Take the inputs in (files `kept` by cases beside `first_case`, ids of `uploads`, `files`, a pasted `text`: in this order) and queue the tool,
    built with the `options`.

    `text_name`: what the text is called where it was not pasted.

    Raises PermissionDenied, or ValidationError with a sentence, and then nothing is kept.
    """
    require_role(user, site, *WRITERS)
    if site is not None and not sites_of(user).filter(pk=site.pk).exists():
        raise PermissionDenied(_("Your role at this site does not allow this."))
    if priority != Priority.NORMAL:
        require_role(user, site, *PRIORITY_ROLES)
        if priority not in Priority.values:
            raise ValidationError(_("Choose a priority."))
    title = refuse_secret(title.strip()[:200])
    with intake.laid_out(user=user, tool=tool, files=files, uploads=uploads, text=text, text_name=text_name, kept=kept) as inputs, transaction.atomic():
        named = title or mask_secrets(" · ".join(each.name for each in inputs))[:200]
        ends = {"kept_until": None} if first_case else {}  # with the first one
        case = Case.objects.create(title=named, tool=tool, site=site, opened_by=user, priority=priority, first_case=first_case, options=options or {}, **ends)
        for position, each in enumerate(inputs):
            sha256 = each.sha256 or media.take_in(each.path)
            media.claim([sha256])
            CaseFile.objects.create(case=case, position=position, name=each.name, sha256=sha256, size=each.path.stat().st_size, kind=each.kind)
        came = [file.sha256 for file in case.files.all()]
        audit.record(
            actor=user,
            verb="case.opened",
            subject=f"case:{case.pk}",
            site=site.slug if site else "",
            data={"tool": tool, "files": came} | ({"first_case": first_case.pk} if first_case else {}) | (options or {}),
        )
        _defer(case)
        push_state(case)
    return case


def begin_examination(*, case_id: int) -> Case | None:
    """Mark a case as being examined; None when it is over already, or was cancelled while it waited."""
    with transaction.atomic():
        case = Case.objects.select_for_update(of=("self",)).get(pk=case_id)
        if case.over:
            return None
        case.state, case.progress, case.stages = CaseState.RUNNING, 0.0, []
        case.save(update_fields=["state", "progress", "stages"])
        push_state(case)
    return case


def show_progress(*, case_id: int, share: float, stage: Any) -> None:
    """Keep how far the tool is and what it does (a message as JSON, or a sentence); a case that is over stays as it is."""
    with transaction.atomic():
        case = Case.objects.select_for_update(of=("self",)).get(pk=case_id)
        if case.state != CaseState.RUNNING:
            return
        case.progress = min(1.0, max(case.progress, share))
        if not case.stages or case.stages[-1]["stage"] != stage:
            case.stages = [*case.stages, {"share": case.progress, "stage": stage, "t": timezone.now().isoformat()}][-MOST_STAGES:]
        case.save(update_fields=["progress", "stages"])
        push_state(case)


def keep_report(*, case_id: int, findings: Findings) -> None:
    """Store what the tool found, and the files of its evidence; what comes for a case that is over is dropped."""
    with transaction.atomic():
        case = Case.objects.select_for_update(of=("self",)).get(pk=case_id)
        if case.over:
            return
        case.report, case.evidence = findings.report, {name: media.take_in(file) for name, file in findings.files.items()}
        data = {"verdict": words.english(findings.report["verdict"]["label"]), "models": findings.report["models"]}
        facts = {each["key"]: each["version"] for each in findings.report.get("facts", ())}
        _end(case, CaseState.DONE, data=data | ({"facts": facts} if facts else {}))


def fail_case(*, case_id: int, code: str, params: dict[str, Any]) -> None:
    """Store why there is no report: a code of `portal.analysis.words` and its parameters."""
    with transaction.atomic():
        case = Case.objects.select_for_update(of=("self",)).get(pk=case_id)
        if case.over:
            return
        case.failure = {"code": code, "params": params}
        with translation.override("en"):
            case.problem = words.failure(code, params)
        _end(case, CaseState.FAILED, data={"problem": case.problem})


def cancel_case(*, user: User, case_id: int) -> Case:
    """Take a case out of the queue, or stop its tool. Raises Case.DoesNotExist, PermissionDenied, or ValidationError when it is over."""
    with transaction.atomic():
        case = _in_queue(user, case_id)
        require_role(user, case.site, *WRITERS)
        _end(case, CaseState.CANCELLED, actor=user, data={"was": case.state})
    return case


def set_priority(*, user: User, case_id: int, priority: int) -> Case:
    """Let a waiting case go first, or in its turn again. Raises Case.DoesNotExist, PermissionDenied, or ValidationError with a sentence."""
    with transaction.atomic():
        case = _in_queue(user, case_id)
        require_role(user, case.site, *PRIORITY_ROLES)
        if priority not in Priority.values:
            raise ValidationError(_("Choose a priority."))
        if case.state != CaseState.QUEUED:
            raise ValidationError(_("The tool is at work already."))
        if case.priority != priority:
            case.priority = priority
            case.save(update_fields=["priority"])
            site = case.site.slug if case.site else ""
            audit.record(actor=user, verb="case.priority", subject=f"case:{case.pk}", site=site, data={"priority": priority})
            _defer(case)
            push_state(case)
    return case


def give_conclusion(*, user: User, case_id: int, support: str, note: str) -> Conclusion:
    """Keep what this examiner concluded, for good. Raises Case.DoesNotExist, PermissionDenied, or ValidationError with a sentence.

    The audit log gets a seal; the answers themselves when both are in, so that the log tells the second examiner nothing either.
    """
    note = examiners.clean(support, note)
    with transaction.atomic():
        case = queries.cases(user).select_for_update(no_key=True, of=("self",)).get(pk=case_id)
        require_role(user, case.site, *examiners.ROLES)
        given = list(case.conclusions.all())
        if why := examiners.refusal(case, user, given):
            raise ValidationError(why)
        mine = Conclusion.objects.create(case=case, examiner=user, support=support, note=note, nonce=new_nonce())
        examiners.RULE.record(row=mine, given=given, subject=f"case:{case.pk}", site=case.site.slug, verb="case.examined", concluded="case.concluded")
        push_state(case)
    return mine


def push_state(case: Case) -> None:
    """Let the browsers that look at this case, and those that look at cases waiting behind it, read again."""
    waiting = Case.objects.filter(state=CaseState.QUEUED).exclude(pk=case.pk).values_list("pk", flat=True)[:MOST_WAITING]
    for pk in (case.pk, *(waiting if case.state != CaseState.RUNNING or not case.stages else ())):
        push.send_on_commit(f"case-{pk}", {"id": pk})


def _in_queue(user: User, case_id: int) -> Case:
    """A case of this reader that is not over, locked. Raises Case.DoesNotExist, ValidationError."""
    case = queries.cases(user).select_for_update(no_key=True, of=("self",)).get(pk=case_id)
    if case.over:
        raise ValidationError(_("This case is over."))
    return case


def _end(case: Case, state: str, data: dict[str, Any], actor: User | str = "system") -> None:
    case.state, case.progress, case.ended = state, 1.0, timezone.now()
    case.save()
    audit.record(actor=actor, verb=f"case.{state}", subject=f"case:{case.pk}", site=case.site.slug if case.site else "", data=data)
    push_state(case)


def _defer(case: Case) -> None:
    """Queue the job. A case whose priority changed gets a second one: the lock lets one run at a time, and the second finds the case over."""
    run_case.defer_as(priority=case.priority, lock=f"case-{case.pk}", case_id=case.pk)
