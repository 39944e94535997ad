"""Pages about one version: its card, the card as signed JSON, and the pictures of a trial."""

from __future__ import annotations

import json

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portal.core import media
from portal.training import beside, cards
from portal.training.models import ModelVersion
from portal.training.views import seen


@require_GET
@seen
def card(request: HttpRequest, pk: int) -> HttpResponse:
    """What is known of a version."""
    model = _find(pk)
    return render(request, "training/card.html", {"model": model, "trials": model.canaries.all(), **cards.card(model)})


@require_GET
@seen
def document(request: HttpRequest, pk: int) -> HttpResponse:
    """The signed document, card and all, to keep and to verify elsewhere."""
    model = _find(pk)
    text = json.dumps(cards.document(model), indent=1, ensure_ascii=False)
    name = f"{model.detector}-{model.sha256[:12]}.json"
    return HttpResponse(text, content_type="application/json", headers={"Content-Disposition": f'attachment; filename="{name}"'})


@require_GET
@seen
def picture(request: HttpRequest, pk: int, picture: int) -> HttpResponse:
    """What two versions disagreed on, for those who may see its site."""
    found = beside.picture_of(request.user, pk, picture)
    if found is None:
        raise Http404
    return HttpResponse(media.path(found.snapshot).read_bytes(), content_type="image/jpeg", headers={"Cache-Control": "private, no-store"})


def _find(pk: int) -> ModelVersion:
    found = ModelVersion.objects.select_related("run__started_by", "parent").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found
