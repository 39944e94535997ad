"""Where agents report on a canary: what it and the version before disagree on."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from portal.sites.authentication import Refusal
from portal.sites.machines import Machine
from portal.training.rollout import canary_comparison

LAST = 253402300799.0  # the end of the year 9999, beyond which no time can be kept


class DisagreementShape(serializers.Serializer):
    """`sha256` is the canary, `snapshot` the picture's own sha256: it is sent to /media after this call."""

    detector = serializers.CharField(max_length=40)
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$")
    t = serializers.FloatField(min_value=0, max_value=LAST, help_text="Unix seconds")
    old_score = serializers.FloatField(min_value=0, max_value=1)
    new_score = serializers.FloatField(min_value=0, max_value=1)
    threshold = serializers.FloatField(min_value=0, max_value=1)
    snapshot = serializers.RegexField(r"^[0-9a-f]{64}$")


class TakenShape(serializers.Serializer):
    kept = serializers.BooleanField()
    full = serializers.BooleanField(help_text="this canary takes no more pictures: do not send it")


class Disagreements(Machine):
    """One frame at which only one of the two versions raised an alarm."""

    @extend_schema(
        request=DisagreementShape,
        responses={201: TakenShape, 200: OpenApiResponse(TakenShape, "here already, or full"), 403: OpenApiResponse(description="no canary at this camera")},
    )
    def post(self, request: Request) -> Response:
        body = DisagreementShape(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            taken = canary_comparison.record_disagreement(agent=request.auth, **body.validated_data)
        except canary_comparison.NoCanary as error:
            raise Refusal(status.HTTP_403_FORBIDDEN, str(error)) from error
        code = status.HTTP_201_CREATED if taken.fresh else status.HTTP_200_OK
        return Response({"kept": not taken.full, "full": taken.full}, code)


urlpatterns = [path("agents/disagreements", Disagreements.as_view(), name="disagreements")]
