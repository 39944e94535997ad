"""Pages of the training console."""

from __future__ import annotations

from django.urls import path, re_path

from portal.training.runs import root_views, views

urlpatterns = [
    path("training/", views.console, name="console"),
    path("training/runs/<int:pk>/", views.run, name="run"),
    path("training/runs/<int:pk>/stop", views.stop, name="stop"),
    path("training/runs/<int:pk>/resume", views.resume, name="resume"),
    path("training/nodes/", views.inventory, name="nodes"),
    path("training/compare/", views.compare, name="compare"),
    path("training/night/", views.night, name="night"),
    path("training/root/", root_views.page, name="root"),
    path("training/root/remove", root_views.remove, name="root_remove"),
    re_path(r"^training/runs/(?P<pk>[0-9]{1,18})/export\.(?P<kind>csv|json)$", views.download, name="export"),
]
