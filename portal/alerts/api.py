"""Addresses under /api/v1: the agents' intake, and the alerts for people's programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError as Refused
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.alerts import actions, bulk_actions, queries
from portal.alerts.intake import EventsView, MediaView
from portal.alerts.models import CHOSEN_REASONS, Alert

FILTERS = [OpenApiParameter(name, OpenApiTypes.STR) for name in queries.AlertFilters.__dataclass_fields__]


class AlertShape(serializers.ModelSerializer):
    """An alert as programs see it."""

    site = serializers.CharField(source="camera.site.slug", default=None, help_text="null: it concerns the whole portal")
    camera = serializers.CharField(source="camera.slug", default=None)
    assignee = serializers.CharField(source="assignee.email", default=None)
    last_event = serializers.UUIDField(source="last_id")

    class Meta:
        model = Alert
        fields = [
            "id",
            "site",
            "camera",
            "kind",
            "zone",
            "opened",
            "last_t",
            "count",
            "score",
            "severity",
            "detail",
            "false_alarm",
            "state",
            "reason",
            "assignee",
            "last_event",
            "picture",
            "changed",
            "demo",
        ]


class AssignShape(serializers.Serializer):
    assignee = serializers.IntegerField(allow_null=True, help_text="the user's number, null for nobody")


class ResolveShape(serializers.Serializer):
    reason = serializers.ChoiceField(CHOSEN_REASONS)
    note = serializers.CharField(required=False, allow_blank=True, max_length=actions.MAX_TEXT, default="")


class NoteShape(serializers.Serializer):
    text = serializers.CharField(max_length=actions.MAX_TEXT)


class Nothing(serializers.Serializer):
    """A call without a body."""


@extend_schema(parameters=FILTERS)
class Alerts(generics.ListAPIView):
    """The alerts at the reader's sites, last seen first, filtered and sorted as in the watch room."""

    serializer_class = AlertShape

    def get_queryset(self) -> Any:
        return queries.inbox(self.request.user, queries.AlertFilters.read(self.request.query_params))


class OneAlert(APIView):
    @extend_schema(responses=AlertShape)
    def get(self, request: Request, pk: int) -> Response:
        try:
            return Response(AlertShape(queries.get_alert(request.user, pk)).data)
        except Alert.DoesNotExist as error:
            raise NotFound from error


class _Act(APIView):
    """One verb on one alert: check the body, call the action, answer with the alert."""

    shape: type[serializers.Serializer] = Nothing

    def act(self, **arguments: Any) -> Alert:
        raise NotImplementedError

    def post(self, request: Request, pk: int) -> Response:
        body = self.shape(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            self.act(user=request.user, alert_id=pk, **body.validated_data)
            return Response(AlertShape(queries.get_alert(request.user, pk)).data)
        except Alert.DoesNotExist as error:
            raise NotFound from error
        except Refused as error:
            raise ValidationError({"error": error.messages}) from error


def _verb(name: str, shape: type[serializers.Serializer], action: Callable[..., Alert]) -> Any:
    view = type(name.capitalize(), (_Act,), {"shape": shape, "act": staticmethod(action), "__doc__": action.__doc__})
    return extend_schema_view(post=extend_schema(operation_id=f"alerts_{name}", request=shape, responses=AlertShape))(view).as_view()


def _assign(*, user: Any, alert_id: int, assignee: int | None) -> Alert:
    """Give the alert to somebody who may act at its site, or to nobody."""
    return actions.assign(user=user, alert_id=alert_id, assignee_id=assignee)


class AlertList(serializers.Serializer):
    alerts = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), min_length=1, max_length=bulk_actions.MOST)


class ResolveList(AlertList, ResolveShape):
    """One reason for several alerts."""


class AssignList(AlertList, AssignShape):
    """One person for several alerts."""


class DeskAnswer(serializers.Serializer):
    case = serializers.CharField(help_text="the number of the case on the analysis desk")


class _ActOnMany(APIView):
    """One verb on several alerts: all of them, or none and a reason."""

    shape: type[serializers.Serializer] = AlertList

    def act(self, **arguments: Any) -> list[Alert]:
        raise NotImplementedError

    def post(self, request: Request) -> Response:
        body = self.shape(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        try:
            done = self.act(user=request.user, alert_ids=given.pop("alerts"), **given)
        except Alert.DoesNotExist as error:
            raise NotFound from error
        except Refused as error:
            raise ValidationError({"error": error.messages}) from error
        rows = {row.pk: row for row in queries.inbox(request.user).filter(pk__in=[alert.pk for alert in done])}
        return Response(AlertShape([rows[alert.pk] for alert in done], many=True).data)


class ToDesk(APIView):
    """Lay the alert's picture on the analysis desk."""

    @extend_schema(operation_id="alerts_desk", request=Nothing, responses=DeskAnswer)
    def post(self, request: Request, pk: int) -> Response:
        try:
            return Response({"case": bulk_actions.send_to_desk(user=request.user, alert_id=pk)})
        except Alert.DoesNotExist as error:
            raise NotFound from error
        except Refused as error:
            raise ValidationError({"error": error.messages}) from error


def _many(name: str, shape: type[serializers.Serializer], action: Callable[..., list[Alert]]) -> Any:
    view = type(f"{name.capitalize()}Many", (_ActOnMany,), {"shape": shape, "act": staticmethod(action), "__doc__": action.__doc__})
    schema = extend_schema(operation_id=f"alerts_{name}_many", request=shape, responses=AlertShape(many=True))
    return extend_schema_view(post=schema)(view).as_view()


def _assign_many(*, user: Any, alert_ids: list[int], assignee: int | None) -> list[Alert]:
    """Give each to the same person, who must look after alerts at the site of each, or to nobody."""
    return bulk_actions.assign_many(user=user, alert_ids=alert_ids, assignee_id=assignee)


urlpatterns = [
    path("alerts/bulk/acknowledge", _many("acknowledge", AlertList, bulk_actions.acknowledge_many)),
    path("alerts/bulk/resolve", _many("resolve", ResolveList, bulk_actions.resolve_many)),
    path("alerts/bulk/assign", _many("assign", AssignList, _assign_many)),
    path("alerts/bulk/undo", _many("undo", AlertList, bulk_actions.undo)),
    path("alerts/<int:pk>/desk", ToDesk.as_view()),
    path("events", EventsView.as_view(), name="events"),
    path("media/<str:sha256>", MediaView.as_view(), name="media"),
    path("alerts", Alerts.as_view(), name="alerts"),
    path("alerts/<int:pk>", OneAlert.as_view(), name="alert"),
    path("alerts/<int:pk>/acknowledge", _verb("acknowledge", Nothing, actions.acknowledge)),
    path("alerts/<int:pk>/assign", _verb("assign", AssignShape, _assign)),
    path("alerts/<int:pk>/resolve", _verb("resolve", ResolveShape, actions.resolve)),
    path("alerts/<int:pk>/reopen", _verb("reopen", Nothing, actions.reopen)),
    path("alerts/<int:pk>/notes", _verb("note", NoteShape, actions.add_note)),
]
