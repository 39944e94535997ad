"""The machines' door: signed batches of events, and the pictures and clips that they name."""

from __future__ import annotations

import datetime
import hashlib
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.alerts import actions
from portal.alerts.record import ForeignEvent
from portal.core import media
from portal.sites.authentication import AgentAuthentication, IsAgent, Refusal

MAX_MEDIA = 10 * 1024 * 1024
MAGIC = {"image/jpeg": b"\xff\xd8\xff", "video/webm": b"\x1a\x45\xdf\xa3"}


class AnyBytes(BaseParser):
    """The body as it is; its content is looked at, not its name."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: dict[str, Any] | None = None) -> bytes:
        return stream.read()


class BatchShape(serializers.Serializer):
    """For the API's description only: record.py checks each event by itself, so that one bad event does not stop the others."""

    events = serializers.ListField(child=serializers.DictField(), max_length=actions.BATCH)
    sent_t = serializers.FloatField(required=False, help_text="Unix seconds by the agent's clock, when it sent the batch")


class RecordedShape(serializers.Serializer):
    accepted = serializers.ListField(child=serializers.UUIDField())
    duplicates = serializers.ListField(child=serializers.UUIDField())
    rejected = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))


class Events(APIView):
    """Take a batch of at most 500 events from an agent."""

    authentication_classes = [AgentAuthentication]
    permission_classes = [IsAgent]
    parser_classes = [JSONParser]

    @extend_schema(request=BatchShape, responses={200: RecordedShape, 403: OpenApiResponse(description="an event of another camera: nothing is stored")})
    def post(self, request: Request) -> Response:
        events, sent = _batch(request.data)
        try:
            recorded = actions.record_events(agent=request.auth, events=events, sent=sent)
        except ForeignEvent as error:
            raise Refusal(status.HTTP_403_FORBIDDEN, str(error)) from error
        return Response({"accepted": recorded.accepted, "duplicates": recorded.duplicates, "rejected": recorded.rejected})


class Media(APIView):
    """Take a picture or a clip from an agent; the address is its content's sha256."""

    authentication_classes = [AgentAuthentication]
    permission_classes = [IsAgent]
    parser_classes = [AnyBytes]

    @extend_schema(request=dict.fromkeys(MAGIC, bytes), responses={201: OpenApiResponse(description="kept"), 200: OpenApiResponse(description="known")})
    def put(self, request: Request, sha256: str) -> Response:
        content = request.data if isinstance(request.data, bytes) else b""
        if len(content) > MAX_MEDIA:
            raise Refusal(status.HTTP_413_REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_MEDIA} bytes")
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


def media_type(content: bytes) -> str | None:
    """The type of a picture or clip by its first bytes; None when it is neither JPEG nor WebM."""
    return next((name for name, magic in MAGIC.items() if content.startswith(magic)), None)


def _batch(data: Any) -> tuple[list[Any], datetime.datetime | None]:
    """The events and the sending time of a request's body."""
    events = data.get("events") if isinstance(data, dict) else None
    if not isinstance(events, list):
        raise ParseError('the body must be an object {"events": [...]}')
    if len(events) > actions.BATCH:
        raise ParseError(f"at most {actions.BATCH} events in one batch, here are {len(events)}")
    sent = data.get("sent_t")
    if sent is None:
        return events, None
    try:
        return events, datetime.datetime.fromtimestamp(float(sent), datetime.UTC)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise ParseError("sent_t: not a time in Unix seconds") from error
