"""Addresses under /api/v1 for the analysis desk."""

from __future__ import annotations

from django.core.exceptions import ValidationError as Refused
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.accounts.permissions import HasRole
from portal.analysis import actions, examiners, intake, pdf, queries, upload_api
from portal.analysis.models import Case, Support, Tool


class CaseShape(serializers.Serializer):
    file = serializers.ListField(child=serializers.FileField(allow_empty_file=True), help_text="one picture, or two for face-compare")
    tool = serializers.ChoiceField(Tool.choices, default=Tool.PICTURE_CHECK)
    title = serializers.CharField(max_length=200, required=False, default="")
    site = serializers.CharField(max_length=60, required=False, default="", help_text="a site's short name; two examiners need a case of a site")


class ConclusionShape(serializers.Serializer):
    support = serializers.ChoiceField(Support.choices)
    note = serializers.CharField(max_length=examiners.MAX_NOTE)


class _Api(APIView):
    def get_permissions(self) -> list[BasePermission]:
        return [HasRole(*actions.WRITERS)()]

    def case(self, pk: int) -> Case:
        """The case, if the reader may see it."""
        if (case := queries.cases(self.request.user).filter(pk=pk).first()) is None:
            raise NotFound
        return case


class Cases(_Api):
    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="cases_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """The last fifty cases, newest first."""
        return Response([{"id": case.pk, "title": case.title, "tool": case.tool, "status": case.state} for case in queries.cases(request.user)[:50]])

    @extend_schema(request=CaseShape, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Open a case; 400 with a sentence when a file cannot be examined."""
        body = CaseShape(data=request.data)
        body.is_valid(raise_exception=True)
        plan = {name: body.validated_data[name] for name in ("tool", "title")}
        try:
            plan["site"] = intake.site_named(request.user, body.validated_data["site"])
            case = actions.open_case(user=request.user, files=request.FILES.getlist("file"), **plan)
        except Refused as error:
            raise ValidationError({"error": error.messages}) from error
        return Response(queries.case_state(request.user, case.pk), status=201)


class OneCase(_Api):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, pk: int) -> Response:
        """A case with its report."""
        return Response(queries.case_state(request.user, self.case(pk).pk))


class Conclusions(_Api):
    @extend_schema(request=ConclusionShape, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        """Give your conclusion on a face comparison, once and for good; the other examiner's is in the answer only when both are in."""
        body = ConclusionShape(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            actions.give_conclusion(user=request.user, case_id=self.case(pk).pk, **body.validated_data)
        except Refused as error:
            raise ValidationError({"error": error.messages}) from error
        return Response(queries.case_state(request.user, pk), status=201)


class ReportJson(_Api):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, pk: int) -> Response:
        """The report alone; 404 while there is none."""
        if (report := self.case(pk).report) is None:
            raise NotFound("there is no report yet")
        return Response(report, headers={"Content-Disposition": f'attachment; filename="specola-case-{pk}.json"'})


class ReportPdf(_Api):
    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> HttpResponse:
        """The report as PDF; 404 while there is none."""
        case = self.case(pk)
        if case.report is None:
            raise NotFound("there is no report yet")
        named = {"Content-Disposition": f'attachment; filename="specola-case-{pk}.pdf"'}
        return HttpResponse(pdf.render(case), content_type="application/pdf", headers=named)


urlpatterns = [
    *upload_api.urlpatterns,
    path("cases", Cases.as_view(), name="cases"),
    path("cases/<int:pk>", OneCase.as_view(), name="case"),
    path("cases/<int:pk>/conclusions", Conclusions.as_view(), name="conclusions"),
    path("cases/<int:pk>/report.json", ReportJson.as_view(), name="report-json"),
    path("cases/<int:pk>/report.pdf", ReportPdf.as_view(), name="report-pdf"),
]
