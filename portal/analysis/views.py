"""The analysis desk and the page of a case."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.permissions import role_required
from portal.accounts.queries import sites_of
from portal.analysis import actions, intake, queries
from portal.analysis.models import Case, Support, Tool
from portal.analysis.reading import worded_report
from portal.core import media, two_person

PAGE = 25
seen = role_required(*actions.WRITERS)


@require_http_methods(["GET", "POST"])
@seen
def desk(request: HttpRequest) -> HttpResponse:
    """Lay files on the desk, and the cases so far."""
    problem = ""
    if request.method == "POST":
        try:
            said = {name: request.POST.get(name, "") for name in ("tool", "title")}
            site = intake.site_named(request.user, request.POST.get("site", ""))
            case = actions.open_case(user=request.user, files=request.FILES.getlist("file"), site=site, **said)
            return redirect("analysis:case", case.pk)
        except ValidationError as error:
            problem = " ".join(error.messages)
    page = Paginator(queries.cases(request.user), PAGE).get_page(request.GET.get("page"))
    rows = [(each, worded_report(each)) for each in page]
    chosen = {name: request.POST.get(name, "") for name in ("tool", "site")}
    shown = {
        "page": page,
        "rows": rows,
        "tools": Tool.choices,
        "sites": sites_of(request.user),
        "problem": problem,
        "largest_mb": intake.LARGEST // 2**20,
        "chosen": chosen,
    }
    return render(request, "analysis/desk.html", shown, status=422 if problem else 200)


@require_GET
@seen
def case(request: HttpRequest, pk: int) -> HttpResponse:
    """A case: how far it is, then its report."""
    return _show(request, pk)


@require_POST
@seen
def conclude(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an examiner's conclusion; the case again with a sentence when it cannot be kept."""
    try:
        actions.give_conclusion(user=request.user, case_id=pk, support=request.POST.get("support", ""), note=request.POST.get("note", ""))
    except Case.DoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        return _show(request, pk, " ".join(error.messages))
    return redirect("analysis:case", pk)


@require_GET
@seen
def evidence(request: HttpRequest, pk: int, name: str) -> FileResponse:
    """A picture that the tool made."""
    found = queries.cases(request.user).filter(pk=pk).first()
    sha256 = found.evidence.get(name) if found else None
    if not media.exists(sha256):
        raise Http404
    return FileResponse(media.path(sha256).open("rb"), content_type="image/png")


def _show(request: HttpRequest, pk: int, problem: str = "") -> HttpResponse:
    found = queries.cases(request.user).filter(pk=pk).first()
    if found is None:
        raise Http404
    shown = {
        "case": found,
        "state": queries.state_of(found, request.user),
        "report": worded_report(found),
        "examined": found.tool == Tool.FACE_COMPARE,
        "needed": two_person.NEEDED,
        "scale": Support.choices if queries.may_conclude(request.user, found) else [],
        "problem": problem,
        "said": request.POST,
    }
    return render(request, "analysis/case.html", shown, status=422 if problem else 200)
