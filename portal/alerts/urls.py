"""Addresses of the watch room and of each alert."""

from __future__ import annotations

from django.urls import path, re_path

from portal.alerts import views

app_name = "alerts"
urlpatterns = [
    path("", views.watch_room, name="watch_room"),
    path("alerts/<int:pk>/", views.alert, name="alert"),
    path("alerts/<int:pk>/acknowledge", views.acknowledge, name="acknowledge"),
    path("alerts/<int:pk>/assign", views.assign, name="assign"),
    path("alerts/<int:pk>/resolve", views.resolve, name="resolve"),
    path("alerts/<int:pk>/reopen", views.reopen, name="reopen"),
    path("alerts/<int:pk>/undo", views.undo, name="undo"),
    path("alerts/<int:pk>/desk", views.desk, name="desk"),
    re_path(r"^alerts/bulk/(?P<verb>acknowledge|resolve|assign|undo)$", views.bulk, name="bulk"),
    path("alerts/timeline", views.timeline, name="timeline"),
    path("alerts/strip", views.strip_alone, name="strip"),
    path("alerts/<int:pk>/note", views.note, name="note"),
    re_path(r"^alerts/(?P<pk>\d{1,18})/(?P<kind>snapshot|clip)$", views.media, name="media"),
]
