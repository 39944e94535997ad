"""What the frame around every page needs to know: the reader's roles and the way to the other pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

THEME_COOKIE, THEMES = "specola_theme", ("light", "dark")  # without the cookie: as the reader's system wishes
EVERYBODY = ("operator", "manager", "administrator")
MAIN = [
    ("watch", "alerts:watch_room", EVERYBODY),
    ("wall", "live:wall", EVERYBODY),
    ("sites", "sites:map", EVERYBODY),
    ("desk", "analysis:desk", ("operator", "manager")),
    ("facts", "facts:list", EVERYBODY),
]
PROTECTION = [("people", "people:list", ("manager",)), ("log", "people:log", ("manager", "operator"))]
FEDERATION = [
    ("agents", "sites:agents", ("administrator",)),
    ("training", "training:console", ("administrator",)),
    ("models", "training:models", ("administrator",)),
]
HOUSE = [("health", "house:health", EVERYBODY), ("users", "accounts:users", ("administrator",)), ("audit", "house:audit", ("manager", "administrator"))]


def shell(request: HttpRequest) -> dict[str, Any]:
    """The signed-in user's roles and navigation, and the appearance chosen in this browser, which the page has from its first byte."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    theme = chosen if chosen in THEMES else ""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"roles": set(), "rail": {}, "theme": theme}
    roles = {role for role in EVERYBODY if user.has_role(role)}
    named = [(_("Protection"), PROTECTION), (_("Federation"), FEDERATION), (_("House"), HOUSE)]
    groups = [{"label": label, "entries": entries} for label, pages in named if (entries := _entries(request, pages, roles))]
    return {"theme": theme, "roles": roles, "rail": {"template": "house/rail.html", "main": _entries(request, MAIN, roles), "groups": groups}}


def _entries(request: HttpRequest, pages: list[tuple[str, str, tuple[str, ...]]], roles: set[str]) -> list[dict[str, Any]]:
    found = []
    for icon, name, allowed in pages:
        if roles & set(allowed) and (url := _address(name)):
            found.append({"icon": icon, "url": url, "label": _label(icon), "here": _is_here(request, name, url)})
    return found


def _label(icon: str) -> str:
    labels = {
        "watch": _("Watch room"),
        "wall": _("Live wall"),
        "sites": _("Sites"),
        "desk": _("Desk"),
        "facts": _("Facts"),
        "people": _("People & access"),
        "log": _("Face log"),
        "agents": _("Agents"),
        "training": _("Training"),
        "models": _("Models"),
        "health": _("Health"),
        "users": _("Users"),
        "audit": _("Audit log"),
    }
    return labels[icon]


def _is_here(request: HttpRequest, name: str, url: str) -> bool:
    if url == "/":
        return request.path == "/" or request.path.startswith("/alerts")
    below = {"training:console": ("models",), "people:list": ("log", "doors")}.get(name, ())  # pages of their own further down
    return request.path.startswith(url) and not request.path.startswith(tuple(url + each for each in below))


def _address(name: str) -> str:
    """Empty for a page that this installation does not have."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
