"""Pages of the training console and the model registry."""

from __future__ import annotations

from django.urls import path, re_path

from portal.training import card_views, registry_views, root_views, views

app_name = "training"
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
    path("metrics", views.prometheus, name="metrics"),
    path("training/models/", registry_views.models, name="models"),
    path("training/models/<int:pk>/", card_views.card, name="card"),
    path("training/models/<int:pk>/card.json", card_views.document, name="document"),
    path("training/models/<int:pk>/try", registry_views.try_out, name="try"),
    path("training/models/<int:pk>/publish", registry_views.publish, name="publish"),
    path("training/models/roll-back", registry_views.roll_back, name="roll_back"),
    path("training/trials/<int:pk>/", registry_views.canary, name="canary"),
    path("training/trials/<int:pk>/pictures/<int:picture>", card_views.picture, name="picture"),
    path("training/trials/<int:pk>/take-back", registry_views.take_back, name="take_back"),
]
