"""Addresses under /api/v1 for runs and models."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as Refused
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from federated.learning.privacy import KINDS
from portal.accounts.models import Role
from portal.accounts.permissions import HasRole
from portal.training import actions, canary, machines, queries
from portal.training.models import Canary, ModelVersion, Run

READ, ACT = [HasRole(Role.ADMINISTRATOR, Role.MANAGER)], [HasRole(Role.ADMINISTRATOR)]


class PlanShape(serializers.Serializer):
    task = serializers.CharField(max_length=40)
    rounds = serializers.IntegerField(required=False)
    local_epochs = serializers.IntegerField(required=False)
    strategy = serializers.CharField(required=False, max_length=40)
    min_sites = serializers.IntegerField(required=False)
    deadline_s = serializers.FloatField(required=False)
    wait_s = serializers.FloatField(required=False)
    learning_rate = serializers.FloatField(required=False)
    seed = serializers.IntegerField(required=False)
    share = serializers.FloatField(required=False, help_text="of the sites that are there, drawn anew for each round; 1: every site")
    compare = serializers.BooleanField(required=False, default=True, help_text="with the vote each site also says what it reaches alone")
    privacy = serializers.ChoiceField(choices=KINDS, required=False)
    epsilon = serializers.FloatField(required=False, help_text="wanted for the whole run; with privacy only")
    delta = serializers.FloatField(required=False)
    clip = serializers.FloatField(required=False, help_text="0: the task's own")
    sites = serializers.ListField(child=serializers.RegexField(r"^[0-9]{1,20}$"), required=False, help_text="node ids; every site when empty")


class TrialShape(serializers.Serializer):
    cameras = serializers.ListField(child=serializers.IntegerField(), help_text="numbers of the cameras that try the version")


class ReasonShape(serializers.Serializer):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class _Api(APIView):
    """Reads for managers and administrators, writes for administrators."""

    def get_permissions(self) -> list[Any]:
        return [each() for each in (READ if self.request.method == "GET" else ACT)]

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Refused):
            exc = ValidationError({"error": exc.messages})
        if isinstance(exc, Run.DoesNotExist | ModelVersion.DoesNotExist | Canary.DoesNotExist):
            exc = NotFound()
        return super().handle_exception(exc)


@extend_schema(request=PlanShape, responses=OpenApiTypes.OBJECT)
class Runs(_Api):
    @extend_schema(operation_id="runs_list")
    def get(self, request: Request) -> Response:
        """The last fifty runs, newest first."""
        return Response([{"id": run.pk, "task": run.task, "status": run.state, "reason": run.reason} for run in queries.runs(request.user)[:50]])

    def post(self, request: Request) -> Response:
        """Start a run; 400 with a sentence when the plan cannot work."""
        body = PlanShape(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(queries.run_state(request.user, actions.start_run(user=request.user, **body.validated_data).pk), status=201)


@extend_schema(request=None, responses=OpenApiTypes.OBJECT)
class OneRun(_Api):
    def get(self, request: Request, pk: int) -> Response:
        """A run with its rounds, sites, gate and model."""
        if (state := queries.run_state(request.user, pk)) is None:
            raise NotFound
        return Response(state)


@extend_schema(request=None, responses=OpenApiTypes.OBJECT)
class StopRun(_Api):
    def post(self, request: Request, pk: int) -> Response:
        """Stop a run."""
        actions.stop_run(user=request.user, run_id=pk)
        return Response(queries.run_state(request.user, pk))


@extend_schema(request=None, responses=OpenApiTypes.OBJECT)
class ResumeRun(_Api):
    def post(self, request: Request, pk: int) -> Response:
        """Go on from the checkpoint of a run that ended early: answers with the new run."""
        return Response(queries.run_state(request.user, actions.resume_run(user=request.user, run_id=pk).pk), status=201)


@extend_schema(request=None, responses=OpenApiTypes.OBJECT)
class Models(_Api):
    @extend_schema(operation_id="models_list")
    def get(self, request: Request) -> Response:
        """The registry, with cards."""
        found = queries.models_by_detector(request.user)
        return Response({name: [{**queries.model_state(model), "card": model.card} for model in models] for name, models in found.items()})


@extend_schema(request=None, responses=OpenApiTypes.OBJECT)
class PublishModel(_Api):
    def post(self, request: Request, pk: int) -> Response:
        """Let every agent run this version."""
        return Response(queries.model_state(actions.publish(user=request.user, model_id=pk)))


@extend_schema(request=TrialShape, responses=OpenApiTypes.OBJECT)
class TryModel(_Api):
    def post(self, request: Request, pk: int) -> Response:
        """Let the agents of some cameras run this version, on trial; `canary` is the trial's number."""
        body = TrialShape(data=request.data)
        body.is_valid(raise_exception=True)
        started = canary.start(user=request.user, model_id=pk, **body.validated_data)
        return Response({**queries.model_state(started.model), "canary": started.pk}, status=201)


@extend_schema(request=ReasonShape, responses=OpenApiTypes.OBJECT)
class TakeBack(_Api):
    def post(self, request: Request, pk: int) -> Response:
        """End a trial: its cameras return to the version before."""
        body = ReasonShape(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(queries.model_state(canary.take_back(user=request.user, canary_id=pk, **body.validated_data).model))


@extend_schema(request=None, responses=OpenApiTypes.OBJECT)
class RollBackModel(_Api):
    def post(self, request: Request, detector: str) -> Response:
        """Back to the version published before; `model` is null when that is the one the agents were shipped with."""
        back = actions.roll_back(user=request.user, detector=detector)
        return Response({"model": back and queries.model_state(back)})


urlpatterns = [
    *machines.urlpatterns,
    path("runs", Runs.as_view(), name="runs"),
    path("runs/<int:pk>", OneRun.as_view(), name="run"),
    path("runs/<int:pk>/stop", StopRun.as_view(), name="stop-run"),
    path("runs/<int:pk>/resume", ResumeRun.as_view(), name="resume-run"),
    path("models", Models.as_view(), name="models"),
    path("models/<int:pk>/publish", PublishModel.as_view(), name="publish-model"),
    path("models/<int:pk>/try", TryModel.as_view(), name="try-model"),
    path("canaries/<int:pk>/take-back", TakeBack.as_view(), name="take-back"),
    path("detectors/<slug:detector>/roll-back", RollBackModel.as_view(), name="roll-back-model"),
]
