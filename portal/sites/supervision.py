"""What keeps the programs running asks here when each last reported: `manage.py up`, `status`, a systemd watchdog."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.http import HttpRequest, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from procrastinate.contrib.django.models import ProcrastinateWorker

from portal.sites.models import Agent


@never_cache
@require_GET
def programs(request: HttpRequest) -> JsonResponse:
    """`{"worker": Unix seconds or null, "agents": {camera: Unix seconds}}`: the last sign of life of any worker, and of each camera's agent.

    Only for who can read `secrets/supervisor.key` in the home folder: which cameras are silent is nobody else's business.
    """
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not constant_time_compare(given, settings.SUPERVISOR_KEY):
        raise PermissionDenied
    worker = ProcrastinateWorker.objects.aggregate(last=Max("last_heartbeat"))["last"]
    agents = Agent.objects.filter(revoked=None).exclude(last_seen=None).values_list("camera__slug").annotate(last=Max("last_seen"))
    return JsonResponse({"worker": worker and worker.timestamp(), "agents": {camera: last.timestamp() for camera, last in agents}})
