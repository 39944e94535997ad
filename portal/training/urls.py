"""Pages of the training console and the model registry."""

from __future__ import annotations

from django.urls import path

from portal.training import views

app_name = "training"
urlpatterns = [
    path("training/", views.console, name="console"),
    path("training/runs/<int:pk>/", views.run, name="run"),
    path("training/runs/<int:pk>/stop", views.stop, name="stop"),
    path("training/models/", views.models, name="models"),
    path("training/models/<int:pk>/publish", views.publish, name="publish"),
    path("training/models/roll-back", views.roll_back, name="roll_back"),
]
