"""The agents' door under /api/v1: enrol, heartbeat, last frame, models."""

from __future__ import annotations

import json
import math
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from federated.trust.signing import public_text
from portal.sites import key_actions, machine_actions, ports, queries, schema  # noqa: F401  (schema: drf-spectacular then knows our signatures)
from portal.sites.authentication import AgentAuthentication, IsAgent, Refusal
from portal.sites.config import fleet, portal_key

MAX_FRAME = 2 * 1024 * 1024
MAX_SAID = 64 * 1024  # bytes of a heartbeat


class EnrolShape(serializers.Serializer):
    code = serializers.CharField(max_length=100)
    csr = serializers.CharField(max_length=8192, help_text="PKCS#10 in PEM, for an Ed25519 key; extensions and other wishes in it are passed over")
    node_public_key = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="", help_text="EC P-384, OpenSSH")
    versions = serializers.DictField(required=False, default=dict)


class EnrolledShape(serializers.Serializer):
    agent_id = serializers.UUIDField()
    site = serializers.CharField()
    camera = serializers.CharField()
    portal_public_key = serializers.CharField()
    fleet = serializers.DictField(allow_null=True)
    certificate = serializers.CharField(help_text="PEM; names the agent's id, for client use, SPECOLA_CERTIFICATE_DAYS days")
    authority = serializers.CharField(help_text="PEM of the authority that signed it")


class RotateShape(serializers.Serializer):
    csr = serializers.CharField(max_length=8192, help_text="PKCS#10 in PEM, for a new Ed25519 key; it must name the agent's id")
    node_public_key = serializers.CharField(max_length=1000, help_text="a new EC P-384 key, OpenSSH")


class RotatedShape(serializers.Serializer):
    certificate = serializers.CharField()
    authority = serializers.CharField()


class BeatShape(serializers.Serializer):
    t = serializers.FloatField()
    started = serializers.FloatField(required=False, help_text="when the agent's program began: another number is another start")
    config_version = serializers.IntegerField(allow_null=True, required=False)
    legal_mode = serializers.CharField(required=False)
    versions = serializers.DictField(required=False)
    camera = serializers.DictField(required=False)
    outbox = serializers.DictField(required=False)
    models = serializers.DictField(required=False)
    data = serializers.DictField(required=False)
    trials = serializers.DictField(required=False, help_text="of each detector on trial: frames compared with the version before, and who raised an alarm")
    mains = serializers.BooleanField(required=False, help_text="false: it runs on battery")
    disk_free = serializers.FloatField(required=False, allow_null=True)
    gallery = serializers.DictField(required=False, help_text="mode M1: {version: of the staff list it holds, key: X25519 in base64}")
    door = serializers.DictField(required=False, help_text="mode M1: threshold, and a histogram of the best cosines of unknown visitors")
    verdicts = serializers.DictField(required=False, help_text="{number: of the last verdict it has written down}")
    neighbours = serializers.DictField(required=False, help_text="mode M1: where other cameras reach it, its key, and what the protocol counted")


class BeatAnswerShape(serializers.Serializer):
    now = serializers.FloatField()
    config = serializers.DictField(allow_null=True)
    gallery = serializers.DictField(allow_null=True, help_text="{list: signed, sealed: entries for this agent's key}; null: nothing new")
    neighbours = serializers.DictField(allow_null=True, help_text="signed: whom the agent may meet, and its certificate; null: nothing new")
    models = serializers.ListField(child=serializers.DictField())
    verdicts = serializers.DictField(allow_null=True, help_text="signed: what operators said of this camera's alerts; null: nothing new")
    watch = serializers.BooleanField()
    stop_biometrics = serializers.BooleanField()
    renew_keys = serializers.BooleanField(help_text="make new keys now and send them to agents/rotate")


class OutcomeShape(serializers.Serializer):
    detector = serializers.CharField(max_length=40)
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$")
    outcome = serializers.ChoiceField(["installed", "refused", "failed", "rolled back"])
    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")
    ms = serializers.FloatField(required=False, min_value=0, help_text="of a frame in the self-test, the median")
    budget_ms = serializers.FloatField(required=False, min_value=0, help_text="what this camera allows")


class JpegBytes(BaseParser):
    """The body as it is; its content is looked at, not its name."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: dict[str, Any] | None = None) -> bytes:
        return stream.read()


class Enrol(APIView):
    """Exchange a one-time code for an identity."""

    machine = True  # refusals are audited although nothing is signed yet
    authentication_classes = []
    permission_classes = []
    parser_classes = [JSONParser]

    @extend_schema(request=EnrolShape, responses={201: EnrolledShape, 403: OpenApiResponse(description="wrong, used or expired code")}, auth=[])
    def post(self, request: Request) -> Response:
        body = EnrolShape(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        keys = key_actions.read_keys(said["csr"], said["node_public_key"])
        agent = machine_actions.enrol(code=said["code"], keys=keys, versions=_small(said["versions"]))
        names = {"agent_id": str(agent.pk), "site": agent.camera.site.slug, "camera": agent.camera.slug}
        papers = {"portal_public_key": public_text(portal_key()), "fleet": fleet(), **key_actions.answer(agent)}
        return Response({**names, **papers}, status.HTTP_201_CREATED)


class Machine(APIView):
    """A call that only an enrolled agent may make."""

    authentication_classes = [AgentAuthentication]
    permission_classes = [IsAgent]
    parser_classes = [JSONParser]


class Rotate(Machine):
    """Exchange the agent's keys for new ones; both are believed until it speaks with the new key, for an hour at the most."""

    @extend_schema(request=RotateShape, responses={200: RotatedShape, 400: OpenApiResponse(description="not a request, or keys that were used before")})
    def post(self, request: Request) -> Response:
        body = RotateShape(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        keys = key_actions.read_keys(said["csr"], said["node_public_key"])
        return Response(key_actions.answer(key_actions.rotate(agent=request.auth, keys=keys)))


class Heartbeat(Machine):
    """How the agent is; the answer says what it must know now."""

    @extend_schema(request=BeatShape, responses=BeatAnswerShape)
    def post(self, request: Request) -> Response:
        said = request.data
        t = said.get("t") if isinstance(said, dict) else None
        if isinstance(t, bool) or not isinstance(t, int | float) or not math.isfinite(t):
            raise ParseError('the body must be an object with "t", the agent\'s time in Unix seconds')
        return Response(machine_actions.beat(agent=request.auth, said=_small(said)))


class Frame(Machine):
    """The camera's last frame, kept for seconds, only while somebody looks."""

    parser_classes = [JpegBytes]

    @extend_schema(request={"image/jpeg": OpenApiTypes.BINARY}, responses={204: OpenApiResponse(description="kept, or nobody looks any more")})
    def put(self, request: Request) -> Response:
        jpeg = request.data if isinstance(request.data, bytes) else b""
        if len(jpeg) > MAX_FRAME:
            raise Refusal(413, f"a frame has at most {MAX_FRAME} bytes")
        if not jpeg.startswith(b"\xff\xd8\xff"):
            raise ParseError("not a JPEG by its content")
        machine_actions.keep_frame(agent=request.auth, jpeg=jpeg)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Model(Machine):
    """The file of a model that this agent is asked to run."""

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, sha256: str) -> HttpResponse:
        path = queries.model_file(request.auth.camera, sha256)
        if path is None:
            raise NotFound("no such model is meant for this agent")
        return HttpResponse(path.read_bytes(), content_type="application/octet-stream")


class Outcome(Machine):
    """What became of a model that the agent was asked to run."""

    @extend_schema(request=OutcomeShape, responses={204: None})
    def post(self, request: Request) -> Response:
        body = OutcomeShape(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            ports.record_outcome(agent=request.auth, **body.validated_data)
        except ValidationError as error:
            raise ParseError(" ".join(error.messages)) from error
        return Response(status=status.HTTP_204_NO_CONTENT)


def _small(said: dict[str, Any]) -> dict[str, Any]:
    """PostgreSQL's jsonb takes no NaN and no NUL; a heartbeat is small."""

    try:
        text = json.dumps(said, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, TypeError, UnicodeEncodeError) as error:
        raise ParseError(f"not storable: {error}") from error
    if len(text) > MAX_SAID:
        raise Refusal(413, f"at most {MAX_SAID} bytes")
    if b"\\u0000" in text:
        raise ParseError("no NUL in texts, please")
    return said
