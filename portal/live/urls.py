"""Addresses of the live wall and of every WebSocket."""

from __future__ import annotations

from django.urls import path, re_path

from portal.live import views
from portal.live.alerts import AlertsConsumer
from portal.live.door import nowhere
from portal.live.states import CaseConsumer, RunConsumer
from portal.live.wall import WallConsumer

app_name = "live"
urlpatterns = [path("wall/", views.wall, name="wall")]
websocket_urlpatterns = [
    path("ws/alerts/", AlertsConsumer.as_asgi()),
    path("ws/wall/", WallConsumer.as_asgi()),
    re_path(r"^ws/runs/(?P<id>[0-9]{1,18})/$", RunConsumer.as_asgi()),
    re_path(r"^ws/cases/(?P<id>[0-9]{1,18})/$", CaseConsumer.as_asgi()),
    re_path(r"", nowhere),
]
