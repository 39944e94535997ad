"""The analysis desk and the page of a case."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.handlers.asgi import ASGIRequest
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from detectors.posts import ROLES
from portal.accounts.permissions import holds_any, role_required
from portal.accounts.queries import sites_of
from portal.analysis import account_page, actions, case_actions, custody, intake, leaving, names, packs, queries, retention, stix, table_columns, tools
from portal.analysis.models import Case, Priority, Support
from portal.analysis.reading import finding_of, worded_report
from portal.core import media, spreadsheet, two_person
from portal.core.numbers import whole

PNG = b"\x89PNG\r\n\x1a\n"
PAGE = 25


def seen(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For those who work at the desk. A case that goes while its page is made (at its end date, in the night) is not found, as one second later."""

    @role_required(*actions.WRITERS)
    @functools.wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Case.DoesNotExist as error:
            raise Http404 from error

    return answered


@require_http_methods(["GET", "POST"])
@seen
def desk(request: HttpRequest) -> HttpResponse:
    """Lay files or a text on the desk, and the cases so far."""
    problem, chosen = "", {name: request.POST.get(name, "") for name in ("tool", "title", "site", "text", "priority")}
    if request.method == "POST":
        try:
            case = actions.open_case(
                user=request.user,
                tool=chosen["tool"],
                files=request.FILES.getlist("file"),
                uploads=request.POST.getlist("upload"),
                text=chosen["text"],
                title=chosen["title"],
                site=intake.site_named(request.user, chosen["site"]),
                priority=whole(chosen["priority"]) or Priority.NORMAL,
            )
            return redirect("analysis:case", case.pk)
        except ValidationError as error:
            problem = " ".join(error.messages)
    mine = queries.cases(request.user)
    filters = {name: request.GET.get(name, "").strip()[:200].replace("\0", "") for name in ("text", "tag", "tool", "status")}
    person = request.user if request.GET.get("people") == "me" else None
    page = Paginator(queries.filtered(mine, **filters, person=person), PAGE).get_page(request.GET.get("page"))
    shown = {
        "page": page,
        "rows": [(each, finding_of(each)) for each in page],
        "filters": filters,
        "person": person,
        "filtering": any(filters.values()) or person is not None,
        "tags": queries.tags_of(mine),
        "used_tools": [(name, tools.title_of(name)) for name in queries.tools_of(mine)],
        "tools": tools.groups(),
        "sites": sites_of(request.user),
        "problem": problem,
        "largest_mb": settings.UPLOAD_LARGEST // 2**20,
        "longest_text": intake.LONGEST_TEXT,
        "piece": settings.UPLOAD_PIECE,
        "small": intake.IN_THE_FORM,
        "chosen": chosen,
        "may_hurry": holds_any(request.user, actions.PRIORITY_ROLES),
    }
    return render(request, "analysis/desk.html", shown, status=422 if problem else 200)


@require_GET
@seen
def case(request: HttpRequest, pk: int) -> HttpResponse:
    """A case: how far it is, then its report, and its custody."""
    return _show(request, pk, note=True)


@require_POST
@seen
def conclude(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an examiner's conclusion; the case again with a sentence when it cannot be kept."""
    support, note = request.POST.get("support", ""), request.POST.get("note", "")
    return _change(request, pk, lambda: actions.give_conclusion(user=request.user, case_id=pk, support=support, note=note))


@require_POST
@seen
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a case out of the queue, or stop its tool."""
    return _change(request, pk, lambda: actions.cancel_case(user=request.user, case_id=pk))


@require_POST
@seen
def priority(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a waiting case go first, or in its turn again."""
    chosen = whole(request.POST.get("priority"))
    return _change(request, pk, lambda: actions.set_priority(user=request.user, case_id=pk, priority=-1 if chosen is None else chosen))


@require_GET
@seen
def evidence(request: HttpRequest, pk: int, name: str) -> StreamingHttpResponse:
    """A picture or clip that the tool made."""
    found = queries.cases(request.user).filter(pk=pk).first()
    sha256 = found.evidence.get(name) if found else None
    if not media.exists(sha256):
        raise Http404
    with media.path(sha256).open("rb") as file:
        kind = "image/png" if file.read(8) == PNG else "video/webm"
    return _streamed(request, _read(sha256), kind, {"Content-Length": str(media.path(sha256).stat().st_size)})


@require_GET
@seen
def input_file(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """A file as it came in (`number` counts from 1), to keep; never under its own type."""
    found = queries.cases(request.user).filter(pk=pk).first()
    file = next((each for n, each in enumerate(found.files.all(), 1) if n == number), None) if found else None
    if file is None or not media.exists(file.sha256):
        raise Http404
    case_actions.note_seen(user=request.user, case_id=pk, file=file)
    return _download(request, _read(file.sha256), packs.safe_name(file.name), "application/octet-stream")


@require_GET
@seen
def table(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """A table of the report, or a plot's numbers, for a spreadsheet; names of accounts as in everything that leaves."""
    found, with_names = queries.cases(request.user).filter(pk=pk).first(), request.GET.get("names") == "1"
    if found is None:
        raise Http404
    try:
        report = worded_report(leaving.outside(found, with_names=with_names))
    except ValidationError as error:
        return _show(request, pk, " ".join(error.messages))
    shown = next((each.table for each in report.evidence if each.name == name and each.table), None) if report else None
    if shown is None:
        raise Http404
    case_actions.note_seen(user=request.user, case_id=pk, report=f"{name}.csv" + (", with names" if with_names and names.holds_names(found) else ""))
    content = "".join(["\ufeff", *spreadsheet.lines(shown.columns, shown.rows)])  # without the mark a spreadsheet takes it for another encoding
    file = {"Content-Disposition": f'attachment; filename="specola-case-{pk}-{name}.csv"'}
    return HttpResponse(content, content_type=spreadsheet.CONTENT_TYPE, headers=file)


@require_GET
@seen
def account(request: HttpRequest, pk: int) -> HttpResponse:
    """One account of a case about posts."""
    found = queries.cases(request.user).filter(pk=pk).first()
    shown = account_page.of(found, request.GET.get("name", "")) if found else None
    if shown is None:
        raise Http404
    case_actions.note_seen(user=request.user, case_id=pk)
    return render(request, "analysis/account.html", {"case": found, "account": shown})


@require_POST
@seen
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """The case's evidence pack, streamed; the case again with a sentence when there can be none."""
    try:
        with_names = request.POST.get("with_names") == "1"
        pack = case_actions.export_case(user=request.user, case_id=pk, reason=request.POST.get("reason", ""), with_names=with_names)
    except ValidationError as error:
        return _show(request, pk, " ".join(error.messages))
    return _download(request, packs.stream(pack), pack.name, "application/zip")


@require_POST
@seen
def names_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep whether this person agrees that the case leaves with the names in it."""
    agrees, reason = request.POST.get("agrees", ""), request.POST.get("names_because", "")

    def answer() -> None:
        if agrees not in ("yes", "no"):
            raise ValidationError(_("Choose an answer."))
        case_actions.answer_names(user=request.user, case_id=pk, agrees=agrees == "yes", reason=reason)

    return _change(request, pk, answer)


@require_POST
@seen
def note(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a note about the case."""
    return _change(request, pk, lambda: case_actions.add_note(user=request.user, case_id=pk, text=request.POST.get("text", "")))


@require_POST
@seen
def tags(request: HttpRequest, pk: int) -> HttpResponse:
    """Replace the case's tags."""
    return _change(request, pk, lambda: case_actions.set_tags(user=request.user, case_id=pk, tags=request.POST.get("tags", "")))


@require_POST
@seen
def people(request: HttpRequest, pk: int) -> HttpResponse:
    """Let somebody work on the case, or no longer."""
    act = case_actions.remove_person if request.POST.get("remove") else case_actions.add_person
    email = request.POST.get("remove") or request.POST.get("person", "")
    return _change(request, pk, lambda: act(user=request.user, case_id=pk, email=email.replace("\0", "")))


@require_POST
@seen
def add_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Take another file into the case."""
    file, reason = request.FILES.get("file"), request.POST.get("added_because", "")
    return _change(request, pk, lambda: case_actions.add_file(user=request.user, case_id=pk, file=file, reason=reason))


@require_POST
@seen
def ask_another(request: HttpRequest, pk: int) -> HttpResponse:
    """Put another tool's question to files of this case: on to that case, or this one again with a sentence."""
    files = [number for each in request.POST.getlist("position") if (number := whole(each)) is not None]
    return _change(request, pk, lambda: case_actions.ask_another(user=request.user, case_id=pk, tool=request.POST.get("tool", ""), files=files))


@require_POST
@seen
def columns(request: HttpRequest, pk: int) -> HttpResponse:
    """Examine the table again with other columns: on to that case, or this one again with a sentence."""
    chosen = {role: request.POST.get(f"column-{role}", "")[:500] for role in ROLES}
    return _change(request, pk, lambda: case_actions.read_again(user=request.user, case_id=pk, columns=chosen))


@require_POST
@seen
def correct_text(request: HttpRequest, pk: int) -> HttpResponse:
    """Examine the text again as a person corrected it: on to that case, or this one again with a sentence."""
    return _change(request, pk, lambda: case_actions.correct_text(user=request.user, case_id=pk, text=request.POST.get("read_text", "")))


@require_POST
@seen
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Close the case, or open it again."""
    reason, reopen = request.POST.get("closed_because", ""), request.POST.get("reopen") == "1"
    return _change(request, pk, lambda: case_actions.close_case(user=request.user, case_id=pk, reason=reason, reopen=reopen))


@require_POST
@seen
def end_date(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep the case until another day."""
    until, reason = request.POST.get("kept_until", ""), request.POST.get("kept_because", "")
    return _change(request, pk, lambda: case_actions.change_end(user=request.user, case_id=pk, until=until, reason=reason))


def _read(sha256: str) -> Iterator[bytes]:
    with media.path(sha256).open("rb") as file:
        while piece := file.read(2**20):
            yield piece


def _download(request: HttpRequest, pieces: Iterator[bytes], name: str, kind: str) -> StreamingHttpResponse:
    return _streamed(request, pieces, kind, {"Content-Disposition": f'attachment; filename="{name}"'})


def _streamed(request: HttpRequest, pieces: Iterator[bytes], kind: str, headers: dict[str, str]) -> StreamingHttpResponse:
    """Under ASGI Django would read a plain iterator, or a file, to its end before it sends the first byte."""
    content = _sent(pieces) if isinstance(request, ASGIRequest) else pieces
    return StreamingHttpResponse(content, content_type=kind, headers=headers)


async def _sent(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    taken = sync_to_async(next, thread_sensitive=False)
    while (piece := await taken(pieces, None)) is not None:
        if piece:
            yield piece


def _change(request: HttpRequest, pk: int, change: Callable[[], object]) -> HttpResponse:
    """The case again after a change, or the case that was opened by it; the case with a sentence when it could not be made."""
    try:
        changed = change()
    except ValidationError as error:
        return _show(request, pk, " ".join(error.messages))
    return redirect("analysis:case", changed.pk if isinstance(changed, Case) else pk)


def _show(request: HttpRequest, pk: int, problem: str = "", *, note: bool = False) -> HttpResponse:
    found = queries.cases(request.user).filter(pk=pk).first()
    if found is None:
        raise Http404
    if note:
        case_actions.note_seen(user=request.user, case_id=pk)
    shown = {
        "case": found,
        "state": queries.state_of(found, request.user),
        "report": worded_report(found),
        "examined": found.examined,
        "needed": two_person.NEEDED,
        "scale": Support.choices if queries.may_conclude(request.user, found) else [],
        "may_hurry": any(request.user.has_role(role, found.site) for role in actions.PRIORITY_ROLES),
        "problem": problem,
        "said": request.POST,
        "custody": custody.lines(found),
        "columns": table_columns.of(found),
        "has_stix": stix.offered(found),
        "accounts": account_page.names_in(found),
        "holds_names": names.holds_names(found),
        "names_answers": names.shown(found, request.user),
        "names_released": names.released(found),
        "may_answer_names": queries.may_answer_names(request.user, found),
        "answers": [(each, finding_of(each)) for each in queries.about_same_files(request.user, found)],
        "other_tools": tools.groups(reading=queries.media_of_files(found)),
        "notes": found.notes.select_related("author"),
        "tags": ", ".join(found.tags),
        "people": queries.people_of(found),
        "possible_people": sorted(queries.possible_people(request.user, found), key=lambda each: each != request.user),  # oneself first
        "last_end": retention.last_end(),
        "read_text": queries.read_text(found),
        "longest_text": intake.LONGEST_TEXT,
        "longest_note": case_actions.LONGEST_NOTE,
        "longest_reason": case_actions.LONGEST_REASON,
    }
    return render(request, "analysis/case.html", shown, status=422 if problem else 200)
