"""What every address of runs and models shares."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as Refused
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.accounts.models import Role
from portal.accounts.permissions import HasRole
from portal.training.models import Canary, ModelVersion, Run

READ, ACT = [HasRole(Role.ADMINISTRATOR, Role.MANAGER)], [HasRole(Role.ADMINISTRATOR)]


class TrainingApi(APIView):
    """Reads for managers and administrators, writes for administrators."""

    def get_permissions(self) -> list[Any]:
        return [each() for each in (READ if self.request.method == "GET" else ACT)]

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Refused):
            exc = ValidationError({"error": exc.messages})
        if isinstance(exc, Run.DoesNotExist | ModelVersion.DoesNotExist | Canary.DoesNotExist):
            exc = NotFound()
        return super().handle_exception(exc)
