"""Addresses under /api/v1 for runs."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from federated.learning.privacy import KINDS
from portal.training.api_base import TrainingApi
from portal.training.runs import actions, queries


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


@extend_schema(request=PlanShape, responses=OpenApiTypes.OBJECT)
class Runs(TrainingApi):
    @extend_schema(operation_id="runs_list")
    def get(self, request: Request) -> Response:
        """The last fifty runs, newest first."""
        return Response([{"id": run.pk, "task": run.task, "status": run.state, "reason": run.reason} for run in queries.last_runs(request.user, 50)])

    def post(self, request: Request) -> Response:
        """Start a run; 400 with a sentence when the plan cannot work."""
        body = PlanShape(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(queries.run_state(request.user, actions.start_run(user=request.user, **body.validated_data).pk), status=201)


@extend_schema(request=None, responses=OpenApiTypes.OBJECT)
class OneRun(TrainingApi):
    def get(self, request: Request, pk: int) -> Response:
        """A run with its rounds, sites, gate and model."""
        if (state := queries.run_state(request.user, pk)) is None:
            raise NotFound
        return Response(state)


@extend_schema(request=None, responses=OpenApiTypes.OBJECT)
class StopRun(TrainingApi):
    def post(self, request: Request, pk: int) -> Response:
        """Stop a run."""
        actions.stop_run(user=request.user, run_id=pk)
        return Response(queries.run_state(request.user, pk))


@extend_schema(request=None, responses=OpenApiTypes.OBJECT)
class ResumeRun(TrainingApi):
    def post(self, request: Request, pk: int) -> Response:
        """Go on from the checkpoint of a run that ended early: answers with the new run."""
        return Response(queries.run_state(request.user, actions.resume_run(user=request.user, run_id=pk).pk), status=201)


urlpatterns = [
    path("runs", Runs.as_view(), name="runs"),
    path("runs/<int:pk>", OneRun.as_view(), name="run"),
    path("runs/<int:pk>/stop", StopRun.as_view(), name="stop-run"),
    path("runs/<int:pk>/resume", ResumeRun.as_view(), name="resume-run"),
]
