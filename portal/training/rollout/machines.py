"""Where agents report on a canary: what it and the version before disagree on."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from federated.contract.disagreement import DisagreementAnswer, DisagreementMessage
from portal.sites.authentication import Refusal
from portal.sites.machines import MachineView, read
from portal.training.rollout import canary_comparison


class DisagreementsView(MachineView):
    """One frame at which only one of the two versions raised an alarm."""

    @extend_schema(
        request=DisagreementMessage,
        responses={
            201: DisagreementAnswer,
            200: OpenApiResponse(DisagreementAnswer, "already here, or full"),
            403: OpenApiResponse(description="no canary at this camera"),
        },
    )
    def post(self, request: Request) -> Response:
        found = read(DisagreementMessage, request)
        try:
            taken = canary_comparison.record_disagreement(
                agent=request.auth,
                detector=found.detector,
                sha256=found.sha256,
                snapshot=found.snapshot,
                t=found.t,
                old_score=found.old_score,
                new_score=found.new_score,
                threshold=found.threshold,
            )
        except canary_comparison.NoCanary as error:
            raise Refusal(status.HTTP_403_FORBIDDEN, str(error)) from error
        answer = DisagreementAnswer(kept=not taken.full, full=taken.full)
        return Response(answer.to_json(), status.HTTP_201_CREATED if taken.fresh else status.HTTP_200_OK)


urlpatterns = [path("agents/disagreements", DisagreementsView.as_view(), name="disagreements")]
