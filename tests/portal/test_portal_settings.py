"""What the environment decides: database, secrets, hosts; read by a fresh interpreter, as every process of the portal does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHOWN = ["DATABASES", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DEBUG", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "REDIS_URL", "SECRET_KEY"]
ASK = f"import json, portal.settings as s; print(json.dumps({{name: getattr(s, name) for name in {SHOWN}}}, default=str))"
PROTECTIONS = ["CsrfViewMiddleware", "CSPMiddleware", "AxesMiddleware", "XFrameOptionsMiddleware", "SecurityMiddleware", "require_new_password"]


@pytest.fixture
def read(tmp_path):
    """Settings as a process with this environment sees them."""

    def settings(**environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SPECOLA_", "DATABASE_", "REDIS_", "DJANGO_"))}
        done = subprocess.run(
            [sys.executable, "-c", ASK], env={**clean, "SPECOLA_HOME": str(tmp_path), **environment}, cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return settings


def test_without_any_wish_it_answers_to_loopback_only_and_hides_its_inside(read):
    found = read()
    assert found["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost", "[::1]"]
    assert (found["DEBUG"], found["CSRF_TRUSTED_ORIGINS"]) == (False, [])


def test_a_secret_is_made_once_and_only_its_owner_reads_it(read, tmp_path):
    first, second = read()["SECRET_KEY"], read()["SECRET_KEY"]
    kept = tmp_path / "secrets" / "django.key"
    assert first == second == kept.read_text()
    assert len(first) >= 50
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("postgresql:///specola?host=/run/pg&user=postgres", {"NAME": "specola", "HOST": "/run/pg", "USER": "postgres"}),
        ("postgresql://maria:p%40ss@db.example:5433/square", {"NAME": "square", "HOST": "db.example", "PORT": "5433", "USER": "maria", "PASSWORD": "p@ss"}),
        ("postgresql://db.example/square?sslmode=verify-full", {"NAME": "square", "HOST": "db.example"}),
    ],
)
def test_the_database_is_taken_apart(read, url, parts):
    found = read(DATABASE_URL=url)["DATABASES"]["default"]
    assert {name: found[name] for name in ("NAME", "HOST", "PORT", "USER", "PASSWORD") if name in found} == parts


def test_what_libpq_knows_and_django_does_not_is_handed_on(read):
    options = read(DATABASE_URL="postgresql://db.example/square?sslmode=verify-full")["DATABASES"]["default"]["OPTIONS"]
    assert options["sslmode"] == "verify-full"
    assert options["pool"]["timeout"] < 20


def test_behind_an_https_proxy_cookies_never_travel_in_the_clear(read):
    found = read(SPECOLA_ORIGINS="https://watch.example", SPECOLA_ALLOWED_HOSTS="watch.example")
    assert (found["SESSION_COOKIE_SECURE"], found["CSRF_COOKIE_SECURE"]) == (True, True)
    assert (found["ALLOWED_HOSTS"], found["CSRF_TRUSTED_ORIGINS"]) == (["watch.example"], ["https://watch.example"])


@pytest.mark.parametrize("wish", ["0", "true", "yes", ""])
def test_debug_pages_need_exactly_a_one(read, wish):
    assert read(SPECOLA_DEBUG=wish)["DEBUG"] is False
    assert read(SPECOLA_DEBUG="1")["DEBUG"] is True


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_every_protection_stands_in_the_way_of_a_request(settings, protection):
    assert any(name.endswith(protection) for name in settings.MIDDLEWARE)


def test_djangos_own_deployment_check_finds_no_error(db):
    from django.core.checks import ERROR, run_checks

    assert [message for message in run_checks() if message.level >= ERROR] == []


def test_no_model_waits_for_a_migration(db):
    from django.core.management import call_command

    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_passwords_are_long_and_not_known_to_everybody(settings):
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    for weak in ("short", "password1234", "123456789012"):
        with pytest.raises(ValidationError):
            validate_password(weak)
    validate_password("a walk along the river")
