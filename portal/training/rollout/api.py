"""Addresses under /api/v1 for models and their canaries."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.training.api_base import TrainingApi
from portal.training.rollout import actions, canary, machines, queries


class CanaryShape(serializers.Serializer):
    cameras = serializers.ListField(child=serializers.IntegerField(), help_text="numbers of the cameras that run the canary")


class ReasonShape(serializers.Serializer):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


@extend_schema(request=None, responses=OpenApiTypes.OBJECT)
class ModelRegistry(TrainingApi):
    @extend_schema(operation_id="models_list")
    def get(self, request: Request) -> Response:
        """The registry, with cards."""
        found = queries.models_by_detector(request.user)
        return Response({name: [{**queries.model_state(model), "card": model.card} for model in models] for name, models in found.items()})


@extend_schema(request=None, responses=OpenApiTypes.OBJECT)
class PublishModel(TrainingApi):
    def post(self, request: Request, pk: int) -> Response:
        """Let every agent run this version."""
        return Response(queries.model_state(actions.publish(user=request.user, model_id=pk)))


@extend_schema(request=CanaryShape, responses=OpenApiTypes.OBJECT)
class StartCanary(TrainingApi):
    def post(self, request: Request, pk: int) -> Response:
        """Let the agents of some cameras run this version as a canary; `canary` is its number."""
        body = CanaryShape(data=request.data)
        body.is_valid(raise_exception=True)
        started = canary.start(user=request.user, model_id=pk, **body.validated_data)
        return Response({**queries.model_state(started.model), "canary": started.pk}, status=201)


@extend_schema(request=ReasonShape, responses=OpenApiTypes.OBJECT)
class TakeCanaryBack(TrainingApi):
    def post(self, request: Request, pk: int) -> Response:
        """End a canary: its cameras return to the version before."""
        body = ReasonShape(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(queries.model_state(canary.take_back(user=request.user, canary_id=pk, **body.validated_data).model))


@extend_schema(request=None, responses=OpenApiTypes.OBJECT)
class RollBackModel(TrainingApi):
    def post(self, request: Request, detector: str) -> Response:
        """Back to the version published before; `model` is null when that is the one the agents were shipped with."""
        back = actions.roll_back(user=request.user, detector=detector)
        return Response({"model": back and queries.model_state(back)})


urlpatterns = [
    *machines.urlpatterns,
    path("models", ModelRegistry.as_view(), name="models"),
    path("models/<int:pk>/publish", PublishModel.as_view(), name="publish-model"),
    path("models/<int:pk>/try", StartCanary.as_view(), name="start-canary"),
    path("canaries/<int:pk>/take-back", TakeCanaryBack.as_view(), name="take-back"),
    path("detectors/<slug:detector>/roll-back", RollBackModel.as_view(), name="roll-back-model"),
]
