"""The public page /verify: anybody lays an evidence pack on it and reads what holds and what does not. Nothing is stored, nobody signs in."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from cryptography import x509
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from detectors import worded
from federated.trust import evidence, evidence_pack, signing
from portal.accounts.factors import within_rate
from portal.core.file_names import shown_name
from portal.sites.config import portal_key

MOST_UNPACKED = 4  # times the size that is let in: packs are stored, not compressed; one packed again by somebody may be
ORDER = (evidence.Outcome.BROKEN, evidence.Outcome.HOLDS, evidence.Outcome.UNCHECKED)
log = logging.getLogger(__name__)


@never_cache
@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """The form, and below it the lines about the pack that was just sent."""
    shown: dict[str, Any] = {"largest": settings.VERIFY_LARGEST, "largest_mb": settings.VERIFY_LARGEST // 2**20, "fingerprint": signing.fingerprint(_own_key())}
    status = 200
    if request.method == "POST":
        if within_rate(request, "verify"):
            shown |= _looked_at(request)
            status = 422 if shown.get("problem") else 200
        else:
            shown["problem"], status = _("Too many packs from your address: wait a few minutes, or check yours with the command below."), 429
    return render(request, "analysis/verify.html", shown, status=status)


def _looked_at(request: HttpRequest) -> dict[str, Any]:
    file = request.FILES.get("pack")
    if file is None:
        return {"problem": _("Choose an evidence pack.")}
    if file.size > settings.VERIFY_LARGEST:
        return {"problem": _("This page takes packs up to %(n)d MB. Check a larger one with the command below.") % {"n": settings.VERIFY_LARGEST // 2**20}}
    language = get_language() or "en"
    try:
        pack = evidence_pack.open_pack(file, most=MOST_UNPACKED * settings.VERIFY_LARGEST)
        found = evidence.check(pack, keys=[_own_key()], roots=_roots())
    except evidence_pack.PackRefused as error:
        return {"problem": worded(error.message, language), "name": shown_name(file.name)}
    lines = [(each.outcome.value, worded(each.message, language)) for each in found.lines]
    groups = [(outcome.value, [words for kind, words in lines if kind == outcome]) for outcome in ORDER]
    return {"found": found, "groups": [each for each in groups if each[1]], "name": shown_name(file.name)}


def _own_key() -> str:
    return signing.public_text(portal_key())


def _roots() -> list[x509.Certificate]:
    """The authority's certificates, where the operator named them; without them whose time stamp it is stays open."""
    if not settings.AUDIT_TSA_ROOT:
        return []
    try:
        return x509.load_pem_x509_certificates(Path(settings.AUDIT_TSA_ROOT).read_bytes())
    except (OSError, ValueError):
        log.exception("SPECOLA_TSA_ROOT cannot be read")
        return []
