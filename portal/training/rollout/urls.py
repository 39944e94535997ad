"""Pages of the model registry and its canaries."""

from __future__ import annotations

from django.urls import path

from portal.training.rollout import views

urlpatterns = [
    path("training/models/", views.models, name="models"),
    path("training/models/<int:pk>/", views.card, name="card"),
    path("training/models/<int:pk>/card.json", views.document, name="document"),
    path("training/models/<int:pk>/try", views.start_canary, name="canary_start"),
    path("training/models/<int:pk>/publish", views.publish, name="publish"),
    path("training/models/roll-back", views.roll_back, name="roll_back"),
    path("training/trials/<int:pk>/", views.canary, name="canary"),
    path("training/trials/<int:pk>/pictures/<int:picture>", views.picture, name="canary_picture"),
    path("training/trials/<int:pk>/take-back", views.take_back, name="canary_take_back"),
]
