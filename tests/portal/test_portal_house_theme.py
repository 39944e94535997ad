"""Light, dark or as the system wishes: kept per browser, in the page from its first byte, and the same dark either way."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
CSS = Path(__file__).resolve().parents[2] / "portal" / "static" / "css"


def chosen(client: Client, theme: str, **more: str):
    return client.post("/theme/", {"theme": theme, **more})


def test_a_chosen_appearance_stands_in_the_next_page_before_any_script():
    client = Client()
    assert "data-theme" not in client.get("/sign-in/").content.decode().split(">")[1]
    assert chosen(client, "dark", next="/sign-in/")["Location"] == "/sign-in/"
    page = client.get("/sign-in/").content.decode()
    assert re.search(r'<html lang="\w+" data-theme="dark">', page)
    assert '<meta name="color-scheme" content="dark">' in page


def test_the_systems_wish_counts_again_when_asked_for():
    client = Client()
    chosen(client, "light")
    chosen(client, "system")
    assert "data-theme=" not in client.get("/sign-in/").content.decode()


def test_no_foreign_word_reaches_the_page_and_no_foreign_address_is_followed():
    client = Client()
    assert chosen(client, 'dark" onload="x', next="https://elsewhere.example/")["Location"] == "/"
    client.cookies["specola_theme"] = "mauve"
    assert "mauve" not in client.get("/sign-in/").content.decode()


def test_a_script_gets_no_page_back():
    assert Client().post("/theme/", {"theme": "dark"}, headers={"HX-Request": "true"}).status_code == 204


def test_dark_by_choice_is_dark_by_the_systems_wish():
    css = (CSS / "specola.css").read_text()
    by_system = re.search(r'@media \(prefers-color-scheme: dark\) \{\s*:root:not\(\[data-theme="light"\], \[data-theme="dark"\]\) \{(.*?)\}', css, re.DOTALL)
    by_choice = re.search(r':root\[data-theme="dark"\]:root \{(.*?)\}', css, re.DOTALL)
    assert by_system
    assert by_choice
    assert by_system[1].split() == by_choice[1].split()


def test_no_style_asks_the_system_alone():
    asking = [path.name for path in CSS.glob("*.css") if "prefers-color-scheme" in path.read_text()]
    assert asking == ["specola.css"]
