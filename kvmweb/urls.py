"""Where the doors are."""

from __future__ import annotations

from django.urls import include, path

from vms.api import api
from vms.api.health import healthz
from vms.api.metrics import show as metrics

handler429 = "vms.web.door.too_many"
"""Asked by allauth for its own limits."""

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("api/v1/", api.urls),
    path("", include("vms.web.urls")),
]
