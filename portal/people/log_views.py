"""The face log, the verifiers' page, and what each door's false match rate is."""

from __future__ import annotations

import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from detectors.rules.registry import NOT_LIVE_FACE
from portal.accounts.models import Role
from portal.accounts.permissions import role_required
from portal.accounts.queries import sites_of
from portal.core import media, spreadsheet
from portal.core.numbers import whole
from portal.people import doors, verifiers
from portal.people import log as face_log
from portal.people.models import LivenessAnswer, Person, Recognition, RecognitionVerdict, VerificationAnswer
from portal.sites.models import Camera, LegalMode

PAGE = 50
COLUMNS = (
    "camera", "person", "started", "ended", "score", "threshold", "frames", "gallery_version", "people", "net", "model_sha256", "verdict", "verifiers",
    "liveness",
)  # fmt: skip
readers = role_required(*face_log.READERS)


@require_GET
@readers
def log(request: HttpRequest) -> HttpResponse:
    """Who was recognised where and when, newest first."""
    rows = _filtered(request)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    people = Person.objects.filter(site__in=face_log.sites_of_reader(request.user)).order_by("name")
    cameras = (
        Camera.every.filter(site__in=face_log.sites_of_reader(request.user), recognitions__isnull=False)
        .distinct()
        .select_related("site")
        .order_by("site", "name")
    )
    context = {
        "page": page,
        "asked": request.GET,
        "filtered": bool(query),
        "query": query.urlencode(),
        "people": people,
        "cameras": cameras,
        "verdicts": RecognitionVerdict.choices,
        "liveness": LivenessAnswer.choices,
        "not_live": {"answer": LivenessAnswer.NOT_LIVE, "alert": NOT_LIVE_FACE},
        "days": face_log.KEPT.days,
    }
    return render(request, "people/log.html", context)


@require_GET
@role_required(Role.MANAGER)
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The same rows as a table for a spreadsheet; texts that it would take for formulas are defused."""
    rows = _filtered(request).filter(camera__site__in=sites_of(request.user, Role.MANAGER)).prefetch_related("verifications__verifier")
    lines = spreadsheet.lines(COLUMNS, (_cells(row) for row in rows.iterator(chunk_size=500)))
    answer = StreamingHttpResponse(lines, content_type=spreadsheet.CONTENT_TYPE)
    answer["Content-Disposition"] = 'attachment; filename="face-log.csv"'
    return answer


@require_http_methods(["GET", "POST"])
@readers
def recognition(request: HttpRequest, pk: int) -> HttpResponse:
    """One recognition with the picture at the door; two people say, each alone, whether it is the person named."""
    row, problem = _row(request, pk), ""
    if request.method == "POST":
        try:
            row = verifiers.verify(user=request.user, pk=pk, answer=request.POST.get("answer", ""))
            messages.success(request, _("Your answer is kept."))
            return redirect("people:recognition", pk)
        except PermissionDenied as error:
            raise Http404 from error
        except ValidationError as error:
            problem = " ".join(error.messages)
    given = list(row.verifications.select_related("verifier"))
    open_ = verifiers.RULE.is_open(given)
    context = {
        "row": row,
        "problem": problem,
        "answered": any(each.verifier_id == request.user.pk for each in given),
        "given": given if open_ else [],
        "count": len(given),
        "open": open_,
        "answers": VerificationAnswer.choices,
        "has_picture": media.exists(row.snapshot),
    }
    return render(request, "people/recognition.html", context, status=422 if problem else 200)


@require_GET
@readers
def picture(request: HttpRequest, pk: int) -> HttpResponse:
    """The face at the door, for those who verify."""
    row = _row(request, pk)
    if not row.snapshot or not media.exists(row.snapshot):
        raise Http404
    return HttpResponse(media.path(row.snapshot).read_bytes(), content_type="image/jpeg", headers={"Cache-Control": "no-store"})


@require_GET
@role_required(Role.MANAGER)
def doors_page(request: HttpRequest) -> HttpResponse:
    """What was measured at each restricted door."""
    return _doors(request)


@require_POST
@role_required(Role.MANAGER)
def threshold(request: HttpRequest, pk: int) -> HttpResponse:
    """A threshold from the door's own strangers, or back to that of the list."""
    camera = Camera.objects.select_related("site").filter(pk=pk, legal_mode=LegalMode.M1, site__in=sites_of(request.user, Role.MANAGER)).first()
    if camera is None:
        raise Http404
    try:
        if request.POST.get("by") == "list":
            doors.by_list(user=request.user, camera=camera)
            messages.success(request, _("%(door)s decides by the length of the list again.") % {"door": camera.name})
        else:
            found = doors.recalibrate(user=request.user, camera=camera)
            messages.success(request, _("%(door)s asks for a likeness of %(threshold)s now.") % {"door": camera.name, "threshold": f"{found:.3f}"})
    except ValidationError as error:
        return _doors(request, " ".join(error.messages), camera, 422)
    return redirect("people:doors")


def _doors(request: HttpRequest, problem: str = "", at: Camera | None = None, status: int = 200) -> HttpResponse:
    shown = {"doors": doors.measured(request.user), "problem": problem, "at": at, "days": doors.PERIOD.days, "needed": doors.NEEDED}
    return render(request, "people/doors.html", shown, status=status)


def _row(request: HttpRequest, pk: int) -> Recognition:
    row = Recognition.objects.select_related("camera__site", "person").filter(pk=pk, camera__site__in=face_log.sites_of_reader(request.user)).first()
    if row is None:
        raise Http404
    return row


def _filtered(request: HttpRequest) -> QuerySet[Recognition]:
    """What the address asks for; what makes no sense there is left out."""
    rows = Recognition.objects.filter(camera__site__in=face_log.sites_of_reader(request.user)).select_related("camera__site", "person")
    asked = request.GET
    if (camera := whole(asked.get("camera"))) is not None:
        rows = rows.filter(camera_id=camera)
    if (person := whole(asked.get("person"))) is not None:
        rows = rows.filter(person_id=person)
    if asked.get("verdict") in RecognitionVerdict.values:
        rows = rows.filter(verdict=asked["verdict"])
    if asked.get("liveness") in LivenessAnswer.values:
        rows = rows.filter(liveness=asked["liveness"])
    if begin := _midnight(asked.get("from", "")):
        rows = rows.filter(started__gte=begin)
    if end := _midnight(asked.get("to", "")):
        rows = rows.filter(started__lt=end + datetime.timedelta(days=1))
    return rows


def _midnight(text: str) -> datetime.datetime | None:
    try:
        day = parse_date(text)
        return timezone.make_aware(datetime.datetime.combine(day, datetime.time())) if day and 1900 < day.year < 9000 else None
    except ValueError:
        return None


def _cells(row: Recognition) -> list[Any]:
    given = list(row.verifications.all())
    answers = "; ".join(f"{each.verifier}: {each.answer}" for each in given) if verifiers.RULE.is_open(given) else ""
    times = [row.started.isoformat(), row.ended.isoformat() if row.ended else ""]
    matched = [f"{row.score:.4f}", f"{row.threshold:.4f}", row.frames, row.gallery_version, row.people, row.net, row.model_sha256]
    return [str(row.camera), str(row.person), *times, *matched, row.verdict, answers, row.liveness]
