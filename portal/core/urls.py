"""Addresses of the health page, the audit log and the API's description."""

from __future__ import annotations

from django.urls import path

from portal.core import views

app_name = "core"
urlpatterns = [
    path("api/", views.api, name="api"),
]
