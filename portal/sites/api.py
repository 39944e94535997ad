"""Addresses under /api/v1: the agents' door, and sites, cameras and agents for people's programs."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework import generics, serializers

from portal.accounts.permissions import HasRole
from portal.accounts.queries import sites_of
from portal.sites import machines, queries, state
from portal.sites.models import Agent, Camera, Site


class SiteShape(serializers.ModelSerializer):
    class Meta:
        model = Site
        fields = ["slug", "name", "place", "note", "latitude", "longitude", "biometrics_stopped"]


class CameraShape(serializers.ModelSerializer):
    """A camera and what it watches for; coordinates are fractions of the picture."""

    site = serializers.CharField(source="site.slug")
    zones = serializers.SerializerMethodField()
    lines = serializers.SerializerMethodField()

    class Meta:
        model = Camera
        fields = ["id", "site", "slug", "name", "kind", "note", "legal_mode", "plan_x", "plan_y", "heading", "masks", "zones", "lines", "config_version"]

    def get_zones(self, camera: Camera) -> list[dict[str, Any]]:
        return [{"name": zone.name, "polygon": zone.polygon} for zone in camera.zones.all()]

    def get_lines(self, camera: Camera) -> list[dict[str, Any]]:
        return [{"name": line.name, "a": line.a, "b": line.b} for line in camera.lines.all()]


class AgentShape(serializers.ModelSerializer):
    """An agent and how it is; `state` is judged by the portal's clock."""

    site = serializers.CharField(source="camera.site.slug")
    camera = serializers.CharField(source="camera.slug")
    state = serializers.SerializerMethodField()

    class Meta:
        model = Agent
        fields = ["id", "site", "camera", "state", "enrolled", "revoked", "last_seen", "clock_skew", "node_id", "health"]
        fields += ["certificate_serial", "certificate_not_after", "rotated", "renew_asked"]

    def get_state(self, agent: Agent) -> str:
        return state.of(agent, timezone.now()).name


class Sites(generics.ListAPIView):
    """The sites at which the reader holds a role."""

    serializer_class = SiteShape

    def get_queryset(self) -> Any:
        return sites_of(self.request.user)


class Cameras(generics.ListAPIView):
    """The cameras of those sites."""

    serializer_class = CameraShape

    def get_queryset(self) -> Any:
        return queries.cameras(self.request.user).prefetch_related("zones", "lines").order_by("site__name", "slug")


class Agents(generics.ListAPIView):
    """The agents at the sites that the reader administrates."""

    serializer_class = AgentShape
    permission_classes = [HasRole("administrator")]

    def get_queryset(self) -> Any:
        rows = Agent.objects.filter(camera__site__in=sites_of(self.request.user, "administrator"))
        return rows.select_related("camera__site").order_by("camera__site__name", "camera__slug", "-enrolled")


urlpatterns = [
    path("agents/enrol", machines.EnrolView.as_view(), name="enrol"),
    path("agents/rotate", machines.RotateView.as_view(), name="rotate"),
    path("agents/models", machines.ModelOutcomeView.as_view(), name="model-outcome"),
    path("agents/source", machines.SourceTestView.as_view(), name="source-test"),
    path("heartbeat", machines.HeartbeatView.as_view(), name="heartbeat"),
    path("frame", machines.FrameView.as_view(), name="frame"),
    path("models/<str:sha256>", machines.ModelFileView.as_view(), name="model-file"),
    path("sites", Sites.as_view(), name="sites"),
    path("cameras", Cameras.as_view(), name="cameras"),
    path("agents", Agents.as_view(), name="agents"),
]
