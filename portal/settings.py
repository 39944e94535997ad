"""Django settings; everything that differs between machines comes from the environment (docs/operations.md)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from psycopg.conninfo import conninfo_to_dict

ROOT = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("SPECOLA_HOME", ROOT / "var")).resolve()
DEBUG = os.environ.get("SPECOLA_DEBUG") == "1"


def _secret(name: str) -> str:
    """A secret kept in a file of the home folder, made at the first start."""
    path = HOME / "secrets" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        from detectors.files import create_durably  # only needed once

        create_durably(path, get_random_secret_key())
    return path.read_text()


def _database(url: str) -> dict[str, Any]:
    parts = conninfo_to_dict(url)
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    settings: dict[str, Any] = {django: str(parts.pop(libpq)) for libpq, django in names.items() if libpq in parts}
    # A request that finds no PostgreSQL fails before an agent gives up on it (20 s); a pool that lost it does not wait out a long back-off.
    pool = {"min_size": 1, "max_size": 12, "timeout": 5.0, "reconnect_timeout": 5.0}
    return {"ENGINE": "django.db.backends.postgresql", **settings, "CONN_HEALTH_CHECKS": True, "OPTIONS": {**parts, "pool": pool}}


def _whole(name: str, usual: int, most: int, unit: str) -> int:
    """A whole number from 1 to `most` out of the environment."""
    text = os.environ.get(name) or str(usual)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number of {unit} from 1 to {most}, not {text!r}")
    return int(text)


SECRET_KEY = _secret("django.key")
SUPERVISOR_KEY = _secret("supervisor.key")  # opens /healthz/programs to `manage.py up` and `status`
PSEUDONYM_KEY = _secret("pseudonym.key")  # of accounts in what leaves the desk: lost, and the same account is another word from then on
DATABASES = {"default": _database(os.environ.get("DATABASE_URL", "postgresql:///specola"))}
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
ALLOWED_HOSTS = os.environ.get("SPECOLA_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("SPECOLA_ORIGINS", "").split(",") if origin]
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
MEDIA_FOLDER = HOME / "media"
UPLOAD_LARGEST = _whole("SPECOLA_UPLOAD_MB", 2048, 1_000_000, "megabytes") * 2**20  # of one file on the desk
HOUSE_CHECK_S = _whole("SPECOLA_HOUSE_CHECK_S", 10, 3600, "seconds")  # between two looks at how agents, worker and disk are
UPLOAD_DAILY = _whole("SPECOLA_UPLOAD_DAILY_MB", 10_240, 10_000_000, "megabytes") * 2**20  # of one person in a day
UPLOAD_HOURS = _whole("SPECOLA_UPLOAD_HOURS", 24, 8760, "hours")  # without a new piece, and an upload is swept away
UPLOAD_PIECE = 8 * 2**20  # a request's most: Django keeps a request's body beside the memory, on the temporary disk
DESK_LIMITS: dict[str, tuple[int, float]] = {}  # tool -> (megabytes of memory, seconds) for one case; the others: portal/analysis/limits.py
DISK_RESERVE = 2**30  # bytes that uploads leave free
CERTIFICATE_DAYS = _whole("SPECOLA_CERTIFICATE_DAYS", 30, 825, "days")  # how long an agent's certificate is good; it renews it when a third is left
VERIFY_LARGEST = _whole("SPECOLA_VERIFY_MB", 256, 100_000, "megabytes") * 2**20  # of an evidence pack on the public page; larger ones: the command
AUDIT_TSA_ROOT = os.environ.get("SPECOLA_TSA_ROOT", "")  # PEM file: certificates that time stamps of evidence packs are verified against
AUDIT_FOLDER = os.environ.get("SPECOLA_AUDIT_FOLDER", "")  # where the audit log's anchors go too, such as a mount that only adds
AUDIT_TSA = os.environ.get("SPECOLA_TSA", "")  # address of a time-stamp authority (RFC 3161) for the anchors; "": none is asked

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "channels",
    "csp",
    "axes",
    "allauth",
    "allauth.account",  # only what allauth.mfa stands on: its pages are not served
    "allauth.mfa",
    "procrastinate.contrib.django",
    "portal.core",
    "portal.accounts",
    "portal.sites",
    "portal.alerts",
    "portal.live",
    "portal.people",
    "portal.training",
    "portal.analysis",
    "portal.facts",
    "portal.notify",
    "portal.demo",
    "portal.house",  # the last: it looks whether the apps above have filled every port
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "portal.core.middleware.text_in_utf8",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.accounts.middleware.require_new_password",
    "portal.accounts.middleware.note_session",
    "portal.accounts.middleware.require_second_factor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.core.middleware.permissions_policy",
    "portal.core.middleware.StorableInput",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "portal" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.house.context.shell",
            ],
            "builtins": ["portal.core.templatetags.clock"],
        },
    }
]

CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL, "KEY_PREFIX": "specola"}}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "alerts:watch_room"
LOGOUT_REDIRECT_URL = "accounts:sign_in"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = {"verify": "30/10m/ip"}  # beside those of allauth: packs that one address may lay on the public page
MFA_ADAPTER = "portal.accounts.factor_adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Specola"
MFA_TOTP_TOLERANCE = 1  # a telephone's clock may be half a minute off either way
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses are given by administrators
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "accounts/locked_out.html"
AXES_VERBOSE = False
AXES_RESET_ON_SUCCESS = True
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code", "credential"]
AXES_USERNAME_CALLABLE = "portal.accounts.forms.typed_email"
SESSION_ENGINE = "portal.accounts.session_store"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if os.environ.get("SPECOLA_ORIGINS", "").startswith("https") else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_PROXY_SSL_HEADER is not None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("it", "Italiano")]
LOCALE_PATHS = [ROOT / "portal" / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = "Europe/Rome"
STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "portal" / "static"]
STATIC_ROOT = HOME / "static"
WHITENOISE_USE_FINDERS = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication", "rest_framework.authentication.SessionAuthentication"],
    "EXCEPTION_HANDLER": "portal.sites.authentication.answer_exception",
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["portal.core.parsers.StorableJson", "rest_framework.parsers.FormParser", "rest_framework.parsers.MultiPartParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "portal.core.paging.Pages",
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Specola",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "OAS_VERSION": "3.1.0",
    "ENUM_NAME_OVERRIDES": {"ReasonEnum": "portal.alerts.models.ResolutionReason", "ChosenReasonEnum": "portal.alerts.models.CHOSEN_REASONS"},
}
PROCRASTINATE_ON_APP_READY = None

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("SPECOLA_LOG_LEVEL", "INFO")},
    "loggers": {name: {"level": "WARNING"} for name in ("axes", "procrastinate", "httpx")},  # httpx writes whole addresses, which may hold a token
}
