"""Addresses of the health page, the audit log, the API's description and the appearance."""

from __future__ import annotations

from django.urls import path

from portal.house import views

app_name = "house"
urlpatterns = [
    path("health/", views.health, name="health"),
    path("healthz", views.healthz, name="healthz"),
    path("audit/", views.audit_log, name="audit"),
    path("audit/findings/<int:pk>/settle", views.settle_finding, name="settle_finding"),
    path("api/", views.api, name="api"),
    path("theme/", views.theme, name="theme"),
]
