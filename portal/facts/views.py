"""The memory for facts: its list, one fact with its history, the editor, and what waits for a second person."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.permissions import holds_any, role_required
from portal.core.numbers import whole
from portal.facts import actions, comparing, content, queries
from portal.facts.forms import FactForm, initial_of, source_rows, sources_in
from portal.facts.models import Fact, FactKind, FactVersion

PAGE = 50
MOST_CASES = 50  # of those that use a fact, on its page
seen = role_required(*actions.PROPOSERS)


@require_GET
@seen
def listing(request: HttpRequest) -> HttpResponse:
    """The facts in use, found by words, kind, tag, origin and state."""
    filters = queries.FactFilters.read(request.GET)
    page = Paginator(queries.listed(request.user, filters), PAGE).get_page(request.GET.get("page"))
    shown = {
        "page": page,
        "filters": filters,
        "kinds": FactKind.choices,
        "tags": queries.tags_of(request.user),
        "waiting": queries.waiting(request.user).count(),
    }
    return render(request, "facts/list.html", shown)


@require_GET
@seen
def fact(request: HttpRequest, pk: int) -> HttpResponse:
    """One fact: what it states and where from, its history, and the cases whose report shows it."""
    return _show_fact(request, pk)


@require_http_methods(["GET", "POST"])
@seen
def new(request: HttpRequest) -> HttpResponse:
    """Propose a fact."""
    return _edit(request, None)


@require_http_methods(["GET", "POST"])
@seen
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Propose another version of a fact."""
    return _edit(request, _fact(request, pk))


@require_POST
@seen
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Propose to take a fact out of use; the fact again with a sentence when that cannot be."""
    base = whole(request.POST.get("base"))
    try:
        version = actions.propose_retirement(user=request.user, fact_id=pk, base=base, note=request.POST.get("note", ""))
    except Fact.DoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        return _show_fact(request, pk, " ".join(error.messages))
    messages.success(request, _("Proposed. Somebody else has to approve it."))
    return redirect("facts:version", version.pk)


@require_GET
@seen
def waiting(request: HttpRequest) -> HttpResponse:
    """Proposals that nobody has decided, the oldest first."""
    page = Paginator(queries.waiting(request.user), PAGE).get_page(request.GET.get("page"))
    rows = [(each, queries.state_of(each), queries.may_approve(request.user, each)) for each in page]
    return render(request, "facts/waiting.html", {"page": page, "rows": rows})


@require_GET
@seen
def version(request: HttpRequest, pk: int) -> HttpResponse:
    """One version: what is different from the one before, who wrote it, and what became of it."""
    return _show_version(request, pk)


@require_POST
@seen
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring a proposal into use."""
    return _decide(request, pk, lambda: actions.approve(user=request.user, version_id=pk), _("Approved: it is in use from now on."))


@require_POST
@seen
def refuse(request: HttpRequest, pk: int) -> HttpResponse:
    """Say no to a proposal, or withdraw one's own."""
    reason = request.POST.get("reason", "")
    return _decide(request, pk, lambda: actions.refuse(user=request.user, version_id=pk, reason=reason), _("The proposal is closed."))


def _fact(request: HttpRequest, pk: int) -> Fact:
    try:
        return queries.fact(request.user, pk)
    except Fact.DoesNotExist as error:
        raise Http404 from error


def _show_fact(request: HttpRequest, pk: int, problem: str = "") -> HttpResponse:
    found = _fact(request, pk)
    versions = list(queries.versions(found))
    for each in versions:
        each.fact = found
    cases = queries.cases_with(request.user, found)
    shown = {
        "fact": found,
        "version": found.current or (versions[0] if versions else None),
        "sources": content.citations(found.current.sources) if found.current else (),
        "versions": [(each, queries.state_of(each)) for each in versions],
        "cases": cases[:MOST_CASES],
        "case_count": cases.count(),
        "problem": problem,
        "note": request.POST.get("note", ""),
        "longest_note": actions.LONGEST_NOTE,
    }
    return render(request, "facts/fact.html", shown, status=422 if problem else 200)


def _edit(request: HttpRequest, found: Fact | None) -> HttpResponse:
    current = found.current if found else None
    form = FactForm(request.POST or None, initial=initial_of(current) if current else None)
    sources = sources_in(request.POST) if request.method == "POST" else content.citations(current.sources if current else ())
    wrong: list[str] = []
    if request.method == "POST" and form.is_valid():
        try:
            given = {"fact_id": found and found.pk, "base": form.cleaned_data["base"], "note": form.cleaned_data["note"]}
            made = actions.propose(user=request.user, text=form.text(sources), **(given if found else {"note": given["note"]}))
            messages.success(request, _("Proposed. Somebody else has to approve it."))
            return redirect("facts:version", made.pk)
        except ValidationError as error:
            wrong = form.take_over(error)
    shown = {"fact": found, "form": form, "sources": source_rows(sources), "sources_wrong": wrong}
    return render(request, "facts/edit.html", shown, status=422 if request.method == "POST" else 200)


def _decide(request: HttpRequest, pk: int, act: Callable[[], object], done: str) -> HttpResponse:
    try:
        act()
    except FactVersion.DoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        return _show_version(request, pk, " ".join(error.messages))
    messages.success(request, done)
    return redirect("facts:version", pk)


def _show_version(request: HttpRequest, pk: int, problem: str = "") -> HttpResponse:
    try:
        found = queries.version(request.user, pk)
    except FactVersion.DoesNotExist as error:
        raise Http404 from error
    state = queries.state_of(found)
    shown = {
        "version": found,
        "state": state,
        "diff": comparing.of_versions(found.base, found),
        "may_approve": queries.may_approve(request.user, found),
        "may_refuse": state in ("waiting", "outdated") and (found.author_id == request.user.pk or holds_any(request.user, actions.APPROVERS)),
        "own": found.author_id == request.user.pk,
        "problem": problem,
        "reason": request.POST.get("reason", ""),
        "longest_note": actions.LONGEST_NOTE,
    }
    return render(request, "facts/version.html", shown, status=422 if problem else 200)
