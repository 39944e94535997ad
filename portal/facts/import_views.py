"""Facts out of a file: the form, and what was wrong with it."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.facts import importing, reading_csv
from portal.facts.models import FactKind
from portal.facts.views import seen


@require_http_methods(["GET", "POST"])
@seen
def import_facts(request: HttpRequest) -> HttpResponse:
    """Propose every fact of a file, or none."""
    problems: list[str] = []
    kind = request.POST.get("kind", FactKind.PLACE)
    if request.method == "POST":
        file = request.FILES.get("file")
        try:
            if file is None:
                raise ValidationError(_("Choose a file."))
            given = {"name": file.name, "data": file.read(importing.LARGEST + 1)}
            proposed, same = importing.import_file(user=request.user, kind=kind, **given)
            messages.success(request, _("%(new)d proposed, %(same)d here already. Somebody else has to approve each.") % {"new": proposed, "same": same})
            return redirect("facts:waiting")
        except ValidationError as error:
            problems = list(error.messages)
    shown = {"problems": problems, "kinds": FactKind.choices, "kind": kind, "columns": ",".join(reading_csv.COLUMNS)}
    return render(request, "facts/import.html", shown, status=422 if problems else 200)
