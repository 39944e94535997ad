"""The house's own pages: health, audit log, the API's description."""

from __future__ import annotations

import sys

from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.defaults import server_error

from portal.accounts.models import Role
from portal.accounts.permissions import role_required
from portal.accounts.queries import sites_of
from portal.core import audit_check, audit_witness, full_disk
from portal.core import health as checks
from portal.core.models import AuditFinding, AuditRow
from portal.core.secrets import mask_data
from portal.house import actions, audit_words, queries
from portal.house.context import THEME_COOKIE, THEMES

PAGE = 50
VERIFIED_S = 60  # checking the whole chain again for each look would grow with the log


@require_GET
@role_required("operator", "manager", "administrator")
def health(request: HttpRequest) -> HttpResponse:
    """How every part is, and what to do."""
    found = checks.check_all(request.user)
    return render(request, "house/health.html", {"checks": found, "worst": checks.worst(found)})


@never_cache
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """For supervisors and proxies: 200 while requests can be answered, else 503; says nothing more."""
    serving = checks.is_serving()
    return HttpResponse("ok\n" if serving else "not serving\n", status=200 if serving else 503, content_type="text/plain")


def broken(request: HttpRequest) -> HttpResponse:
    """What nobody caught: 507 when a disk is full, 503 while the database is away, which is over by itself, else 500. Asks no database."""
    error = sys.exc_info()[1]
    if full_disk.is_full(error):
        return full_disk.answer(request)
    answer = server_error(request)
    if isinstance(error, OperationalError | InterfaceError):
        answer.status_code, answer.headers["Retry-After"] = 503, "5"
    return answer


@require_GET
@role_required("manager", "administrator")
def audit_log(request: HttpRequest) -> HttpResponse:
    """Who did what, and whether the chain of hashes holds."""
    filters = queries.AuditFilters.read(request.GET)
    page = Paginator(queries.audit_rows(request.user, filters), PAGE).get_page(request.GET.get("page"))
    for row in page:
        row.data = mask_data(row.data)  # rows of before texts were checked; the log itself is never changed
    audit_words.add_words(page)
    kept = urlencode({name: getattr(filters, name) for name in filters.__dataclass_fields__ if getattr(filters, name)})
    context = {
        "page": page,
        "filters": filters,
        "kept": kept,
        "verbs": sorted(((verb, audit_words.verb_in_words(verb)) for verb in queries.verbs(request.user)), key=lambda pair: pair[1]),
        "sites": sites_of(request.user),
        "chain": _chain(),
        "findings": audit_witness.open_findings(),
        "may_settle": request.user.memberships.filter(role=Role.ADMINISTRATOR, site=None).exists(),
    }
    return render(request, "house/audit.html", context)


@require_POST
@role_required("administrator")
def settle_finding(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a finding about the audit log, with a reason."""
    try:
        actions.settle_finding(user=request.user, finding_id=pk, reason=request.POST.get("reason", ""))
    except AuditFinding.DoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("house:audit")


@require_GET
@role_required()
def api(request: HttpRequest) -> HttpResponse:
    """Where a programmer starts."""
    return render(request, "house/api.html")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Light, dark or as the system wishes, in this browser from now on, also before signing in; a script gets no page back."""
    chosen, target = request.POST.get("theme", ""), request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
    response = (
        HttpResponse(status=204) if request.headers.get("HX-Request") else HttpResponseRedirect(target if safe else "/")
    )  # `redirect` would take a bare word for a view
    if chosen in THEMES:
        response.set_cookie(THEME_COOKIE, chosen, max_age=31536000, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
    else:
        response.delete_cookie(THEME_COOKIE, samesite="Lax")
    return response


def _chain() -> dict[str, object]:
    """Whether every row is as it was written: `broken` is the first that is not."""
    found = cache.get("audit:chain")
    if found is None:
        broken = audit_check.first_broken()
        found = {"broken": broken and broken.pk, "rows": AuditRow.objects.count()}
        cache.set("audit:chain", found, VERIFIED_S)
    return found
