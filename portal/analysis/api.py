"""Addresses under /api/v1 for the analysis desk."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError as Refused
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.accounts.permissions import HasRole
from portal.analysis import actions, case_actions, examiners, intake, leaving, names, pdf, queries, stix, tools, upload_api
from portal.analysis.models import Case, Priority, Support
from portal.core.parsers import StorableJson

NAMES = OpenApiParameter("names", bool, description="1: with the names of accounts, once two people have agreed to that")


class CaseShape(serializers.Serializer):
    """What opens a case; the tools are those that are registered when the schema is read."""

    file = serializers.ListField(child=serializers.FileField(allow_empty_file=True), required=False, help_text="small files; as many inputs as the tool takes")
    upload = serializers.ListField(child=serializers.UUIDField(), required=False, help_text="ids of files sent in pieces to /api/v1/uploads")
    text = serializers.CharField(max_length=intake.LONGEST_TEXT, required=False, default="", trim_whitespace=False, help_text="a pasted text")
    title = serializers.CharField(max_length=200, required=False, default="")
    site = serializers.CharField(max_length=60, required=False, default="", help_text="a site's short name; two examiners need a case of a site")
    priority = serializers.ChoiceField(Priority.choices, required=False, default=Priority.NORMAL, help_text="operators and administrators decide")

    def get_fields(self) -> dict[str, serializers.Field]:
        described = " ".join(f"{each.name}: {each.about} {each.needs}" for each in tools.offered())
        named = [(each.name, each.title) for each in tools.offered()]
        return {"tool": serializers.ChoiceField(named, default=actions.DEFAULT_TOOL, help_text=described), **super().get_fields()}


class AnotherShape(serializers.Serializer):
    tool = serializers.CharField(max_length=100)
    files = serializers.ListField(child=serializers.IntegerField(min_value=0), default=[0], max_length=200, help_text="positions of the case's files, from 0")


class PriorityShape(serializers.Serializer):
    priority = serializers.ChoiceField(Priority.choices)


class ConclusionShape(serializers.Serializer):
    support = serializers.ChoiceField(Support.choices)
    note = serializers.CharField(max_length=examiners.MAX_NOTE)


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """A refused action becomes an answer of 400 with its sentences."""
    try:
        yield
    except Refused as error:
        raise ValidationError({"error": error.messages}) from error


def _state(request: Request, pk: int) -> dict[str, Any] | None:
    """A case as it leaves over the API: with pseudonyms for the accounts in it; the page inside the house shows the names."""
    state, case = queries.case_state(request.user, pk), queries.cases(request.user).filter(pk=pk).first()
    left = leaving.outside(case) if state and case else None
    return {**state, "title": left.title, "report": left.report} if state and left else state


class DeskView(APIView):
    def get_permissions(self) -> list[BasePermission]:
        return [HasRole(*actions.WRITERS)()]

    def handle_exception(self, exc: Exception) -> Response:
        """A case that goes while it is being read (at its end date, in the night) is not found, as one second later."""
        return super().handle_exception(NotFound() if isinstance(exc, Case.DoesNotExist) else exc)

    def case(self, pk: int) -> Case:
        """The case, if the reader may see it."""
        if (case := queries.cases(self.request.user).filter(pk=pk).first()) is None:
            raise NotFound
        return case

    def leaving(self, pk: int, kind: str) -> Case:
        """The case with its report as it leaves the house, noted in the custody as read in this form."""
        case, with_names = self.case(pk), self.request.query_params.get("names") == "1"
        if case.report is None:
            raise NotFound("there is no report yet")
        left = leaving.outside(case, with_names=with_names)
        case_actions.note_seen(user=self.request.user, case_id=pk, report=f"{kind}, with names" if with_names and names.holds_names(case) else kind)
        return left


class Tools(DeskView):
    @extend_schema(operation_id="tools_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """The desk's tools: what each looks for, which media it reads, how many inputs it takes, whether two examiners conclude."""
        return Response([dataclasses.asdict(each) for each in tools.offered()])


class Cases(DeskView):
    parser_classes = [MultiPartParser, FormParser, StorableJson]

    @extend_schema(operation_id="cases_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """The last fifty cases, newest first."""
        return Response([{"id": case.pk, "title": case.title, "tool": case.tool, "status": case.state} for case in queries.cases(request.user)[:50]])

    @extend_schema(request=CaseShape, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Open a case; 400 with a sentence when a file cannot be examined."""
        body = CaseShape(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        with refusals():
            case = actions.open_case(
                user=request.user,
                tool=given["tool"],
                files=request.FILES.getlist("file"),
                uploads=[str(each) for each in given.get("upload", ())],
                text=given["text"],
                title=given["title"],
                site=intake.site_named(request.user, given["site"]),
                priority=given["priority"],
            )
        return Response(_state(request, case.pk), status=201)


class OneCase(DeskView):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, pk: int) -> Response:
        """A case with its report."""
        case = self.case(pk)
        case_actions.note_seen(user=request.user, case_id=pk)
        return Response(_state(request, case.pk))


class Conclusions(DeskView):
    @extend_schema(request=ConclusionShape, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        """Give your conclusion on a face comparison, once and for good; the other examiner's is in the answer only when both are in."""
        body = ConclusionShape(data=request.data)
        body.is_valid(raise_exception=True)
        with refusals():
            actions.give_conclusion(user=request.user, case_id=self.case(pk).pk, **body.validated_data)
        return Response(_state(request, pk), status=201)


class Cancellation(DeskView):
    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        """Take a case out of the queue, or stop its tool; 400 when it is over."""
        with refusals():
            actions.cancel_case(user=request.user, case_id=self.case(pk).pk)
        return Response(_state(request, pk))


class AnotherTool(DeskView):
    @extend_schema(request=AnotherShape, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        """Put another tool's question to files of this case: the new case; 400 with a sentence when it was put already or cannot be."""
        body = AnotherShape(data=request.data)
        body.is_valid(raise_exception=True)
        with refusals():
            another = case_actions.ask_another(user=request.user, case_id=self.case(pk).pk, **body.validated_data)
        return Response(_state(request, another.pk), status=201)


class CasePriority(DeskView):
    @extend_schema(request=PriorityShape, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request, pk: int) -> Response:
        """Let a waiting case go first (10), or in its turn (0); 400 when it does not wait."""
        body = PriorityShape(data=request.data)
        body.is_valid(raise_exception=True)
        with refusals():
            actions.set_priority(user=request.user, case_id=self.case(pk).pk, priority=body.validated_data["priority"])
        return Response(_state(request, pk))


class ReportJson(DeskView):
    @extend_schema(parameters=[NAMES], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, pk: int) -> Response:
        """The report alone; 404 while there is none. Accounts have pseudonyms; `?names=1` gives the names when two people have agreed to that."""
        with refusals():
            report = self.leaving(pk, "JSON").report
        return Response(report, headers={"Content-Disposition": f'attachment; filename="specola-case-{pk}.json"'})


class ReportPdf(DeskView):
    @extend_schema(parameters=[NAMES], responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> HttpResponse:
        """The report as PDF; 404 while there is none. Names as in the JSON."""
        with refusals():
            case = self.leaving(pk, "PDF")
        named = {"Content-Disposition": f'attachment; filename="specola-case-{pk}.pdf"'}
        return HttpResponse(pdf.render(case), content_type="application/pdf", headers=named)


class ReportStix(DeskView):
    @extend_schema(parameters=[NAMES], responses={(200, "application/stix+json"): OpenApiTypes.OBJECT})
    def get(self, request: Request, pk: int) -> HttpResponse:
        """What a campaign view found as a STIX 2.1 bundle; 404 for other tools and while there is no report. Names as in the JSON."""
        if not stix.offered(self.case(pk)):
            raise NotFound("there is no campaign to export")
        with refusals():
            case = self.leaving(pk, "STIX")
        named = {"Content-Disposition": f'attachment; filename="specola-case-{pk}-stix.json"'}
        return HttpResponse(stix.bundle(case), content_type=stix.CONTENT_TYPE, headers=named)


urlpatterns = [
    *upload_api.urlpatterns,
    path("tools", Tools.as_view(), name="tools"),
    path("cases", Cases.as_view(), name="cases"),
    path("cases/<int:pk>", OneCase.as_view(), name="case"),
    path("cases/<int:pk>/another", AnotherTool.as_view(), name="another"),
    path("cases/<int:pk>/cancel", Cancellation.as_view(), name="cancel"),
    path("cases/<int:pk>/priority", CasePriority.as_view(), name="priority"),
    path("cases/<int:pk>/conclusions", Conclusions.as_view(), name="conclusions"),
    path("cases/<int:pk>/report.json", ReportJson.as_view(), name="report-json"),
    path("cases/<int:pk>/report.pdf", ReportPdf.as_view(), name="report-pdf"),
    path("cases/<int:pk>/stix.json", ReportStix.as_view(), name="report-stix"),
]
