"""Where every page and every API call lives; each app brings its own `urls.py` (pages) and `api.py` (`urlpatterns` of /api/v1)."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.urls import include, path
from django.views.i18n import JavaScriptCatalog
from drf_spectacular.views import SpectacularAPIView

APPS = ("house", "accounts", "sites", "alerts", "live", "people", "training", "analysis", "facts")
handler500 = "portal.house.views.broken"


def _api_patterns() -> list:
    modules = [import_module(f"portal.{app}.api") for app in APPS if find_spec(f"portal.{app}.api")]
    return [pattern for module in modules for pattern in module.urlpatterns]


urlpatterns = [
    path("api/v1/", include((_api_patterns(), "api"))),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("jsi18n/", JavaScriptCatalog.as_view(packages=["portal.core"]), name="javascript-catalog"),
    path("i18n/", include("django.conf.urls.i18n")),
    *[path("", include(f"portal.{app}.urls")) for app in APPS if find_spec(f"portal.{app}.urls")],
]
