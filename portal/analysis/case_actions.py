"""What people do with a case beside examining it: notes, tags, files added later, closing, and taking it along as an evidence pack."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from detectors.posts import ROLES
from portal.accounts.models import User
from portal.accounts.permissions import require_role
from portal.analysis import actions, custody, intake, leaving, names, packs, queries, retention, table_columns
from portal.analysis.models import Case, CaseFile, CaseNote, CaseState, NamesAnswer
from portal.core import audit, media
from portal.core.secrets import mask_secrets, refuse_secret
from portal.core.two_person import new_nonce

LONGEST_REASON, LONGEST_NOTE, LONGEST_TAG = 500, 4000, 40  # characters
MOST_TAGS, MOST_FILES = 20, 200


def note_seen(*, user: User, case_id: int, file: CaseFile | None = None, report: str = "") -> None:
    """Write into the custody that this person has opened the case, or taken a file or its report ("PDF", "JSON"): once an hour. Raises Case.DoesNotExist."""
    case = queries.cases(user).get(pk=case_id)
    name = mask_secrets(file.name) if file else report
    verb, data = (custody.READ, {"file": name}) if name else (custody.SEEN, {})
    line = {"case": case, "actor": f"user:{user.email}", "verb": verb, "data": data}
    if custody.noted(**line):
        return
    with transaction.atomic():
        Case.objects.select_for_update(no_key=True).get(pk=case.pk)  # two pages opened at once are one line
        if not custody.noted(**line):
            _record(case, user, verb, data)


def add_note(*, user: User, case_id: int, text: str) -> CaseNote:
    """Keep a note for good; the custody gets a line, and the note itself stands beside it. Raises Case.DoesNotExist, PermissionDenied, ValidationError."""
    text = _needed(text, LONGEST_NOTE, _("Write a note first."))
    with transaction.atomic():
        case = _open(user, case_id)
        note = CaseNote.objects.create(case=case, author=user, text=text)
        _record(case, user, "case.note", {"note": note.pk, "sha256": hashlib.sha256(text.encode()).hexdigest()})
    return note


def set_tags(*, user: User, case_id: int, tags: str) -> Case:
    """Replace the tags (separated by commas). Raises Case.DoesNotExist, PermissionDenied, ValidationError."""
    found = list(dict.fromkeys(each.strip() for each in refuse_secret(tags).split(",") if each.strip()))
    if len(found) > MOST_TAGS or any(len(each) > LONGEST_TAG for each in found):
        raise ValidationError(_("At most %(n)d tags of %(m)d characters each.") % {"n": MOST_TAGS, "m": LONGEST_TAG})
    with transaction.atomic():
        case = _open(user, case_id)
        if case.tags != found:
            case.tags = found
            case.save(update_fields=["tags"])
            _record(case, user, "case.tagged", {"reason": ", ".join(found)})
    return case


def add_person(*, user: User, case_id: int, email: str) -> Case:
    """Let somebody work on the case, and on those about the same files; of a case without a site, see them too.

    Raises Case.DoesNotExist, PermissionDenied, ValidationError.
    """
    with transaction.atomic():
        case = _open(user, case_id)
        person = queries.possible_people(user, case).filter(email=email).first()
        if person is None:
            raise ValidationError(_("Choose somebody who may work here and does not yet."))
        case.first.people.add(person)
        _record(case, user, "case.person_added", {"name": person.email})
    return case


def remove_person(*, user: User, case_id: int, email: str) -> Case:
    """Somebody works on the case no longer. Raises Case.DoesNotExist, PermissionDenied, ValidationError."""
    with transaction.atomic():
        case = _open(user, case_id)
        person = queries.people_of(case).filter(email=email).first()
        if person is None:
            raise ValidationError(_("This person does not work on the case."))
        case.first.people.remove(person)
        _record(case, user, "case.person_removed", {"name": person.email})
    return case


def add_file(*, user: User, case_id: int, file: UploadedFile | None, reason: str) -> CaseFile:
    """Take a file of any kind into the case; the tool does not look at it. Raises Case.DoesNotExist, PermissionDenied, ValidationError."""
    reason = _needed(reason, LONGEST_REASON, _("Give a reason: it stands in the custody."))
    require_role(user, queries.cases(user).get(pk=case_id).site, *actions.WRITERS)
    if file is None:
        raise ValidationError(_("Choose a file."))
    with intake.any_file(file) as taken, transaction.atomic():
        case = _open(user, case_id)
        position = case.files.count()
        if position >= MOST_FILES:
            raise ValidationError(_("A case has at most %(n)d files.") % {"n": MOST_FILES})
        sha256 = media.take_in(taken.path)
        kept = {"name": taken.name, "sha256": sha256, "size": taken.path.stat().st_size, "kind": taken.kind}
        added = CaseFile.objects.create(case=case, position=position, for_tool=False, added_by=user, added=timezone.now(), **kept)
        _record(case, user, "case.file_added", {"files": [sha256], "name": mask_secrets(taken.name), "reason": reason})
    return added


def ask_another(*, user: User, case_id: int, tool: str, files: Sequence[int]) -> Case:
    """Put another tool's question to files of the case (their positions): a case of its own, beside this one. Raises Case.DoesNotExist, PermissionDenied,
    ValidationError.
    """
    with transaction.atomic():
        case = _open(user, case_id)
        chosen = [file for file in case.files.all() if file.position in files]
        first = case.first
        Case.objects.select_for_update(no_key=True).get(pk=first.pk)  # asked from two of its cases at once, a question is still put once
        if asked := _same_question(queries.about_same_files(user, case), tool, chosen):
            raise ValidationError(_("This tool was asked about these files already: case %(n)d.") % {"n": asked.pk})
        another = actions.open_case(user=user, tool=tool, title=case.title, site=case.site, kept=chosen, first_case=first)
        _record(case, user, "case.asked_another", {"tool": tool, "case": another.pk})
    return another


def read_again(*, user: User, case_id: int, columns: Mapping[str, str]) -> Case:
    """Examine the case's table once more, with a column set for each role of detectors.posts ("": none): a case of its own, about the same files.

    Raises Case.DoesNotExist, PermissionDenied, ValidationError.
    """
    with transaction.atomic():
        case = _open(user, case_id)
        there = table_columns.of(case)
        if there is None:
            raise ValidationError(_("This case is about no table whose columns could be set."))
        if not columns.get("text") or not set(columns) <= set(ROLES) or not {name for name in columns.values() if name} <= set(there.head):
            raise ValidationError(_("Choose the columns, at least that of the text."))
        first = case.first
        Case.objects.select_for_update(no_key=True).get(pk=first.pk)
        files, options = [file for file in case.files.all() if file.for_tool], {"columns": dict(columns)}
        if asked := _same_question(queries.about_same_files(user, case), case.tool, files, options):
            raise ValidationError(_("This tool was asked about these files already: case %(n)d.") % {"n": asked.pk})
        another = actions.open_case(user=user, tool=case.tool, title=case.title, site=case.site, kept=files, first_case=first, options=options)
        _record(case, user, "case.asked_another", {"tool": case.tool, "case": another.pk})
    return another


def correct_text(*, user: User, case_id: int, text: str) -> Case:
    """Put the same question to the text that a person made of what was read in a picture: a case of its own, beside this one, whose custody gets a line.

    Raises Case.DoesNotExist, PermissionDenied, ValidationError.
    """
    corrected = text.replace("\r\n", "\n").strip()
    with transaction.atomic():
        case = _open(user, case_id)
        if (read := queries.read_text(case)) is None:
            raise ValidationError(_("Nothing was read in a picture here."))
        if not corrected:
            raise ValidationError(_("Write the text as it stands in the picture."))
        if corrected == read.strip():
            raise ValidationError(_("The text is as it was read: there is nothing new to examine."))
        first = case.first
        another = actions.open_case(
            user=user, tool=case.tool, text=corrected, text_name=_("Corrected text"), title=case.title, site=case.site, first_case=first
        )
        _record(case, user, "case.text_corrected", {"case": another.pk, "sha256": another.files.get().sha256})
    return another


def _same_question(cases: Iterable[Case], tool: str, files: Sequence[CaseFile], options: dict[str, Any] | None = None) -> Case | None:
    """The case in which this tool was asked about exactly these files with these options and that did not end without a report."""
    wanted, failed = [file.sha256 for file in files], (CaseState.FAILED, CaseState.CANCELLED)
    alike = (each for each in cases if each.tool == tool and each.state not in failed and each.options == (options or {}))
    return next((each for each in alike if [file.sha256 for file in each.files.all() if file.for_tool] == wanted), None)


def close_case(*, user: User, case_id: int, reason: str, reopen: bool = False) -> Case:
    """People are done with a case, or take it up again. Raises Case.DoesNotExist, PermissionDenied, ValidationError."""
    reason = _needed(reason, LONGEST_REASON, _("Give a reason: it stands in the custody."))
    with transaction.atomic():
        case = _locked(user, case_id)
        if not case.over:
            raise ValidationError(_("This case is still being examined: wait for its end or cancel it."))
        if (case.closed is None) == reopen:
            raise ValidationError(_("This case is open already.") if reopen else _("This case is closed already."))
        case.closed = None if reopen else timezone.now()
        case.save(update_fields=["closed"])
        _record(case, user, "case.reopened" if reopen else "case.closed", {"reason": reason})
    return case


def change_end(*, user: User, case_id: int, until: str, reason: str) -> Case:
    """Keep the case, and those about the same files, until another day (YYYY-MM-DD). Raises Case.DoesNotExist, PermissionDenied, ValidationError."""
    reason = _needed(reason, LONGEST_REASON, _("Give a reason: it stands in the custody."))
    day = retention.parsed_end(until)
    with transaction.atomic():
        case = _locked(user, case_id)
        first = Case.objects.select_for_update(no_key=True).get(pk=case.first_case_id or case.pk)
        if first.kept_until == day:
            raise ValidationError(_("The case ends on that day already."))
        data = {"before": first.kept_until.isoformat(), "after": day.isoformat(), "reason": reason}
        first.kept_until = day
        first.save(update_fields=["kept_until"])
        for each in queries.of_same_files(first).select_related("site"):
            _record(each, user, "case.end_changed", data)
    return case


def answer_names(*, user: User, case_id: int, agrees: bool, reason: str) -> NamesAnswer:
    """Keep whether this person agrees that the case may leave the house with the names in it, for good; two who agree open it.

    Raises Case.DoesNotExist, PermissionDenied, ValidationError.
    """
    reason = _needed(reason, LONGEST_REASON, _("Give a reason: it stands in the custody."))
    with transaction.atomic():
        case = queries.cases(user).select_for_update(no_key=True, of=("self",)).get(pk=case_id)
        require_role(user, case.site, *names.ROLES)
        given = list(case.names_answers.all())
        if why := names.refusal(case, user, given):
            raise ValidationError(why)
        mine = NamesAnswer.objects.create(case=case, person=user, agrees=agrees, reason=reason, nonce=new_nonce())
        result = {"released": all(row.agrees for row in (*given, mine))}
        verbs = {"verb": "case.names_answered", "concluded": "case.names_concluded"}
        names.RULE.record(row=mine, given=given, subject=f"case:{case.pk}", site=case.site.slug, result=result, **verbs)
    return mine


def export_case(*, user: User, case_id: int, reason: str, with_names: bool = False) -> packs.EvidencePack:
    """Make the case's evidence pack; the export is the last line of the custody in it. Raises Case.DoesNotExist, PermissionDenied, ValidationError.

    A case about posts of people leaves with pseudonyms and without the files that came in, unless two people have agreed to `with_names`.
    """
    reason = _needed(reason, LONGEST_REASON, _("Give a reason: it stands in the custody."))
    case = queries.cases(user).get(pk=case_id)
    require_role(user, case.site, *actions.WRITERS)
    left = leaving.outside(case, with_names=with_names)
    collected = packs.collect(left)
    _record(case, user, "case.exported", {"reason": reason, **({"names": with_names} if names.holds_names(case) else {})})
    return packs.seal(case, collected)


def _open(user: User, case_id: int) -> Case:
    case = _locked(user, case_id)
    if case.closed is not None:
        raise ValidationError(_("This case is closed: open it again first."))
    return case


def _locked(user: User, case_id: int) -> Case:
    case = queries.cases(user).select_for_update(no_key=True, of=("self",)).get(pk=case_id)
    require_role(user, case.site, *actions.WRITERS)
    return case


def _needed(text: str, longest: int, missing: str) -> str:
    if not (text := refuse_secret(text.strip())):
        raise ValidationError(missing)
    if len(text) > longest:
        raise ValidationError(_("At most %(n)d characters.") % {"n": longest})
    return text


def _record(case: Case, user: User, verb: str, data: dict[str, Any]) -> None:
    audit.record(actor=user, verb=verb, subject=f"case:{case.pk}", site=case.site.slug if case.site else "", data=data)
