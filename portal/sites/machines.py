"""The agents' calls under /api/v1: enrol, rotate, heartbeat, last frame, models. Each body is parsed once, here, into a message of the contract."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from federated.contract.enrolment import EnrolmentAnswer, EnrolmentRequest
from federated.contract.heartbeat import Heartbeat, HeartbeatAnswer
from federated.contract.key_rotation import KeyRotationAnswer, KeyRotationRequest
from federated.contract.media import FRAME_BYTES, JPEG, media_type
from federated.contract.message import ContractError, ContractMessage, TooLarge
from federated.contract.model_outcome import ModelOutcomeMessage
from federated.contract.source import SourceTestMessage
from federated.trust.signing import public_text
from portal.sites import key_actions, machine_actions, ports, queries, schema, source_actions  # noqa: F401  (schema: drf-spectacular then knows signatures and messages)
from portal.sites.authentication import AgentAuthentication, IsAgent, Refusal
from portal.sites.config import fleet, portal_key

Parsed = TypeVar("Parsed", bound=ContractMessage)


class JsonBytes(BaseParser):
    """A JSON body as it came: the contract reads it."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: dict[str, Any] | None = None) -> bytes:
        return stream.read()


class AnyBytes(JsonBytes):
    """A body of whatever type its header names; its content is looked at."""

    media_type = "*/*"


def body_of(request: Request) -> bytes:
    """The bytes that a call brought; none when it had no body."""
    return request.data if isinstance(request.data, bytes) else b""


def read(kind: type[Parsed], request: Request) -> Parsed:
    """The message that a call brought. Raises Refusal 400, or 413 when it is too large, that names the field."""
    try:
        return kind.read(body_of(request))
    except ContractError as error:
        raise refusal(error) from error


def refusal(error: ContractError) -> Refusal:
    """How a message that is not what the contract says is refused."""
    return Refusal(413 if isinstance(error, TooLarge) else 400, str(error)[:500], field=error.field[:200])


class EnrolView(APIView):
    """Exchange a one-time code for an identity."""

    machine = True  # refusals are audited although nothing is signed yet
    authentication_classes = []
    permission_classes = []
    parser_classes = [JsonBytes]

    @extend_schema(request=EnrolmentRequest, responses={201: EnrolmentAnswer, 403: OpenApiResponse(description="wrong, used or expired code")}, auth=[])
    def post(self, request: Request) -> Response:
        asked = read(EnrolmentRequest, request)
        keys = key_actions.read_keys(asked.csr, asked.node_public_key)
        agent = machine_actions.enrol(code=asked.code.strip(), keys=keys, versions=asked.versions)
        answer = EnrolmentAnswer(
            agent_id=str(agent.pk),
            site=agent.camera.site.slug,
            camera=agent.camera.slug,
            portal_public_key=public_text(portal_key()),
            certificate=agent.certificate,
            authority=key_actions.authority_pem(),
            fleet=fleet(),
        )
        return Response(answer.to_json(), status.HTTP_201_CREATED)


class MachineView(APIView):
    """A call that only an enrolled agent may make."""

    authentication_classes = [AgentAuthentication]
    permission_classes = [IsAgent]
    parser_classes = [JsonBytes]


class RotateView(MachineView):
    """Exchange the agent's keys for new ones; both are accepted until it speaks with the new key, for an hour at the most."""

    @extend_schema(
        request=KeyRotationRequest, responses={200: KeyRotationAnswer, 400: OpenApiResponse(description="not a request, or keys that were used before")}
    )
    def post(self, request: Request) -> Response:
        asked = read(KeyRotationRequest, request)
        agent = key_actions.rotate(agent=request.auth, keys=key_actions.read_keys(asked.csr, asked.node_public_key))
        return Response(KeyRotationAnswer(certificate=agent.certificate, authority=key_actions.authority_pem()).to_json())


class HeartbeatView(MachineView):
    """How the agent is; the answer holds what it must know now. A heartbeat that is not understood changes nothing but the note that it came."""

    @extend_schema(request=Heartbeat, responses=HeartbeatAnswer)
    def post(self, request: Request) -> Response:
        dropped: list[str] = []
        try:
            heartbeat = Heartbeat.read(body_of(request), dropped=dropped)
        except ContractError as error:
            machine_actions.note_refused_heartbeat(agent=request.auth, problem=str(error))
            raise refusal(error) from error
        return Response(machine_actions.beat(agent=request.auth, heartbeat=heartbeat, dropped=len(dropped)).to_json())


class FrameView(MachineView):
    """The camera's last frame, kept for seconds, only while somebody looks."""

    parser_classes = [AnyBytes]

    @extend_schema(request={JPEG: OpenApiTypes.BINARY}, responses={204: OpenApiResponse(description="kept, or nobody looks any more")})
    def put(self, request: Request) -> Response:
        jpeg = body_of(request)
        if len(jpeg) > FRAME_BYTES:
            raise Refusal(413, f"a frame has at most {FRAME_BYTES} bytes")
        if media_type(jpeg) != JPEG:
            raise ParseError("not a JPEG by its content")
        machine_actions.keep_frame(agent=request.auth, jpeg=jpeg)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ModelFileView(MachineView):
    """The file of a model that this agent is asked to run."""

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, sha256: str) -> HttpResponse:
        path = queries.model_file(request.auth.camera, sha256)
        if path is None:
            raise NotFound("no such model is meant for this agent")
        return HttpResponse(path.read_bytes(), content_type="application/octet-stream")


class SourceTestView(MachineView):
    """What came of an address that the agent was asked to try."""

    @extend_schema(request=SourceTestMessage, responses={204: None, 404: OpenApiResponse(description="nobody asked for it, or not any more")})
    def post(self, request: Request) -> Response:
        if not source_actions.record(agent=request.auth, message=read(SourceTestMessage, request)):
            raise NotFound("nobody asked for this, or not any more")
        return Response(status=status.HTTP_204_NO_CONTENT)


class ModelOutcomeView(MachineView):
    """What became of a model that the agent was asked to run."""

    @extend_schema(request=ModelOutcomeMessage, responses={204: None})
    def post(self, request: Request) -> Response:
        outcome = read(ModelOutcomeMessage, request)
        try:
            ports.record_outcome(
                agent=request.auth,
                detector=outcome.detector,
                sha256=outcome.sha256,
                outcome=outcome.outcome,
                reason=outcome.reason,
                ms=outcome.ms,
                budget_ms=outcome.budget_ms,
            )
        except ValidationError as error:
            raise ParseError(" ".join(error.messages)) from error
        return Response(status=status.HTTP_204_NO_CONTENT)
