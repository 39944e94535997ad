"""Addresses under /api/v1 for doors that keep no whole staff list."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from federated.trust.staff_list import GalleryRejected, unpack
from portal.people.circle import whose
from portal.sites.authentication import Refusal
from portal.sites.config import effective_mode
from portal.sites.machines import Machine
from portal.sites.models import LegalMode


class ProbeShape(serializers.Serializer):
    probe = serializers.CharField(max_length=1000, help_text="an embedding: 128 half-precision numbers, normalised, in base64")
    within_s = serializers.FloatField(required=False, help_text="how long the agent waits")


class WhoseShape(serializers.Serializer):
    verdict = serializers.ChoiceField(["person", "unknown"])
    score = serializers.FloatField()
    version = serializers.IntegerField(help_text="of the staff list")
    sealed = serializers.CharField(help_text="the person's signed entry, for this agent's key; empty for a stranger")


class Faces(Machine):
    """Whose face is this? Mode M1 only; nothing of the question is kept."""

    @extend_schema(request=ProbeShape, responses={200: WhoseShape, 403: OpenApiResponse(description="the camera is in mode M0")})
    def post(self, request: Request) -> Response:
        body = ProbeShape(data=request.data)
        body.is_valid(raise_exception=True)
        if effective_mode(request.auth.camera) != LegalMode.M1:
            raise Refusal(403, "this camera is in mode M0: it may ask for nobody")
        try:
            return Response(whose(request.auth, unpack(body.validated_data["probe"])))
        except GalleryRejected as error:
            raise ParseError(str(error)) from error


urlpatterns = [path("faces", Faces.as_view(), name="faces")]
