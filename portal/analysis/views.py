"""The analysis desk and the page of a case."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from portal.accounts.permissions import role_required
from portal.analysis import actions, intake, pdf, queries
from portal.analysis.models import Tool
from portal.core import media

PAGE = 25
seen = role_required(*actions.WRITERS)


@require_http_methods(["GET", "POST"])
@seen
def desk(request: HttpRequest) -> HttpResponse:
    """Lay files on the desk, and the cases so far."""
    problem = ""
    if request.method == "POST":
        try:
            case = actions.open_case(
                user=request.user, files=request.FILES.getlist("file"), tool=request.POST.get("tool", ""), title=request.POST.get("title", "")
            )
            return redirect("analysis:case", case.pk)
        except ValidationError as error:
            problem = " ".join(error.messages)
    page = Paginator(queries.cases(request.user), PAGE).get_page(request.GET.get("page"))
    shown = {"page": page, "tools": Tool.choices, "problem": problem, "largest_mb": intake.LARGEST // 2**20, "chosen": request.POST.get("tool", "")}
    return render(request, "analysis/desk.html", shown, status=422 if problem else 200)


@require_GET
@seen
def case(request: HttpRequest, pk: int) -> HttpResponse:
    """A case: how far it is, then its report."""
    found = queries.cases(request.user).filter(pk=pk).first()
    if found is None:
        raise Http404
    parts = [(part.get("name", ""), pdf.flat(part)) for part in found.report["parts"]] if found.report else []
    return render(request, "analysis/case.html", {"case": found, "state": queries.state_of(found), "parts": parts})


@require_GET
@seen
def evidence(request: HttpRequest, pk: int, name: str) -> FileResponse:
    """A picture that the tool made."""
    found = queries.cases(request.user).filter(pk=pk).first()
    sha256 = found.evidence.get(name) if found else None
    if not media.exists(sha256):
        raise Http404
    return FileResponse(media.path(sha256).open("rb"), content_type="image/png")
