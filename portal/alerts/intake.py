"""The agents' calls about events: signed batches, and the pictures and clips that they name. A batch is parsed here, its events one by one in record.py."""

from __future__ import annotations

import datetime
import hashlib

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from federated.contract.events import EventsAnswer, EventsBatch, RejectedEvent
from federated.contract.media import MAGIC, MEDIA_BYTES, media_type
from portal.alerts import actions
from portal.alerts.record import ForeignEvent
from portal.core import media
from portal.sites.authentication import Refusal
from portal.sites.machines import AnyBytes, MachineView, body_of, read


class EventsView(MachineView):
    """Take a batch of at most 500 events from an agent."""

    @extend_schema(request=EventsBatch, responses={200: EventsAnswer, 403: OpenApiResponse(description="an event of another camera: nothing is stored")})
    def post(self, request: Request) -> Response:
        batch = read(EventsBatch, request)
        sent = None if batch.sent_t is None else datetime.datetime.fromtimestamp(batch.sent_t, datetime.UTC)
        try:
            recorded = actions.record_events(agent=request.auth, events=batch.events, sent=sent, version=batch.contract)
        except ForeignEvent as error:
            raise Refusal(status.HTTP_403_FORBIDDEN, str(error)) from error
        rejected = tuple(RejectedEvent(id=each["id"], reason=each["reason"]) for each in recorded.rejected)
        return Response(EventsAnswer(accepted=tuple(recorded.accepted), duplicates=tuple(recorded.duplicates), rejected=rejected).to_json())


class MediaView(MachineView):
    """Take a picture or a clip from an agent; the address is its content's sha256."""

    parser_classes = [AnyBytes]

    @extend_schema(request=dict.fromkeys(MAGIC, bytes), responses={201: OpenApiResponse(description="kept"), 200: OpenApiResponse(description="here already")})
    def put(self, request: Request, sha256: str) -> Response:
        content = body_of(request)
        if len(content) > MEDIA_BYTES:
            raise Refusal(status.HTTP_413_REQUEST_ENTITY_TOO_LARGE, f"at most {MEDIA_BYTES} bytes")
        if media_type(content) is None:
            raise ParseError("neither a JPEG nor a WebM by its content")
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ParseError("the content has another sha256 than the address says")
        if media.exists(sha256):
            return Response(status=status.HTTP_200_OK)
        try:
            media.put(content)
        except OSError as error:
            raise Refusal(status.HTTP_507_INSUFFICIENT_STORAGE, f"the portal cannot keep it now: {error.strerror}") from error
        actions.media_arrived(sha256=sha256)
        return Response(status=status.HTTP_201_CREATED)
