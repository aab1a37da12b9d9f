"""/healthz: whether this process serves, for load balancers and service managers."""

from __future__ import annotations

from collections import Counter

from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from vms import selectors
from vms.models import HostStatus
from vms.policy import Door, SystemActor


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 while the database answers, also when hosts are away; 503 otherwise."""
    try:
        seen = Counter(selectors.hosts(SystemActor(Door.API)).values_list("status", flat=True))
    except DatabaseError:
        return JsonResponse({"status": "failing", "database": "failing"}, status=503)
    connected = seen[HostStatus.CONNECTED]
    hosts = {"connected": connected, "away": seen.total() - connected}
    return JsonResponse({"status": "ok", "database": "ok", "hosts": hosts})
