"""The door for HTTP and WebSockets."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402  (apps must be ready first)
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402

from portal.core.bodies import bounded  # noqa: E402
from portal.core.serving import lifespan  # noqa: E402
from portal.live.door import from_somewhere  # noqa: E402
from portal.live.urls import websocket_urlpatterns  # noqa: E402

FORM = 2**16  # bytes of a form around its file
http = bounded(http, {"/api/v1/uploads/": settings.UPLOAD_PIECE, "/verify/": settings.VERIFY_LARGEST + FORM})
websocket = from_somewhere(AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))))
application = ProtocolTypeRouter({"http": http, "websocket": websocket, "lifespan": lifespan})
