"""Every change of cases."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from detectors.types import Report, to_json
from portal.accounts.models import Role, User
from portal.accounts.permissions import require_role
from portal.accounts.queries import sites_of
from portal.analysis import examiners, intake, queries
from portal.analysis.models import Case, CaseFile, CaseState, Conclusion, Tool
from portal.core import audit, jobs, media, push
from portal.sites.models import Site

run_case = jobs.named("analysis.run_case")
WRITERS = (Role.OPERATOR, Role.MANAGER, Role.ADMINISTRATOR)


def open_case(*, user: User, files: Sequence[UploadedFile], tool: str = Tool.PICTURE_CHECK, title: str = "", site: Site | None = None) -> Case:
    """Take the files in and queue the tool. Raises ValidationError with a sentence, and then nothing is kept."""
    require_role(user, site, *WRITERS)
    if site is not None and not sites_of(user).filter(pk=site.pk).exists():
        raise PermissionDenied(_("Your role at this site does not allow this."))
    uploads = intake.read(files, tool)
    with transaction.atomic():
        named = title.strip()[:200] or " · ".join(upload.name for upload in uploads)[:200]
        case = Case.objects.create(title=named, tool=tool, site=site, opened_by=user)
        for position, upload in enumerate(uploads):
            sha256 = media.put(upload.content)
            CaseFile.objects.create(case=case, position=position, name=upload.name, sha256=sha256, size=len(upload.content), kind=upload.kind)
        inputs = [file.sha256 for file in case.files.all()]
        audit.record(actor=user, verb="case.opened", subject=f"case:{case.pk}", site=site.slug if site else "", data={"tool": tool, "files": inputs})
        run_case.defer(case_id=case.pk)
    return case


def show_progress(*, case: Case, share: float, step: str) -> None:
    """Say how far the tool is."""
    case.state, case.progress, case.step = CaseState.RUNNING, share, step[:100]
    case.save(update_fields=["state", "progress", "step"])
    tell(case)


def keep_report(*, case: Case, report: Report) -> None:
    """Store what the tool said, and its pictures."""
    with transaction.atomic():
        case.report, case.evidence = to_json(report), {name: media.put(content) for name, content in report.evidence.items()}
        _end(case, CaseState.DONE, data={"verdict": report.verdict.label, "models": report.models})


def fail_case(*, case: Case, problem: str) -> None:
    """Store why there is no report."""
    with transaction.atomic():
        case.problem = problem
        _end(case, CaseState.FAILED, data={"problem": problem})


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
        mine = Conclusion.objects.create(case=case, examiner=user, support=support, note=note, nonce=secrets.token_hex(16))
        row = {"subject": f"case:{case.pk}", "site": case.site.slug}
        audit.record(actor=user, verb="case.examined", data={"conclusion": len(given) + 1, "sealed": examiners.seal(mine)}, **row)
        if len(given) + 1 == examiners.NEEDED:
            audit.record(actor="system", verb="case.concluded", data={"conclusions": [examiners.opened(each) for each in (*given, mine)]}, **row)
        tell(case)
    return mine


def tell(case: Case) -> None:
    """Tell the browsers that look at this case."""
    push.send_on_commit(f"case-{case.pk}", {"id": case.pk})


def _end(case: Case, state: str, data: dict[str, Any]) -> None:
    case.state, case.progress, case.step, case.ended = state, 1.0, "", timezone.now()
    case.save()
    audit.record(actor="system", verb=f"case.{state}", subject=f"case:{case.pk}", site=case.site.slug if case.site else "", data=data)
    tell(case)
