"""Addresses under /api/v1 for doors that keep no whole staff list."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from federated.contract.face_query import FaceQuery, FaceQueryAnswer
from federated.trust.staff_list import GalleryRejected, unpack
from portal.people.peers import whose
from portal.sites.authentication import Refusal
from portal.sites.config import effective_mode
from portal.sites.machines import MachineView, read
from portal.sites.models import LegalMode


class FacesView(MachineView):
    """Whose face is this? Mode M1 only; nothing of the question is kept."""

    @extend_schema(request=FaceQuery, responses={200: FaceQueryAnswer, 403: OpenApiResponse(description="the camera is in mode M0")})
    def post(self, request: Request) -> Response:
        query = read(FaceQuery, request)
        if effective_mode(request.auth.camera) != LegalMode.M1:
            raise Refusal(403, "this camera is in mode M0: it may ask for nobody")
        try:
            found = whose(request.auth, unpack(query.probe))
        except GalleryRejected as error:
            raise ParseError(str(error)) from error
        answer = FaceQueryAnswer(verdict=found["verdict"], score=found["score"], version=found["version"], sealed=found["sealed"])
        return Response(answer.to_json())


urlpatterns = [path("faces", FacesView.as_view(), name="faces")]
