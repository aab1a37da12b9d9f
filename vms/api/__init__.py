"""The JSON door under /api/v1/: parses, asks one service or selector, answers. Decides nothing."""

from __future__ import annotations

from django.urls import path

from vms.api import (
    account,
    audit,
    cloudinit,
    consoles,
    gateway,
    grants,
    groups,
    hosts,
    images,
    jobs,
    leases,
    me,
    newcomers,
    people,
    quotas,
    recordings,
    screens,
    series,
    shares,
    storage,
    templates,
    vms,
)
from vms.api.auth import BearerToken, Session
from vms.api.base import Api
from vms.api.docs import docs

api = Api(
    title="kvmweb",
    version="1",
    description=(
        "Virtual machines of KVM hosts. Whatever the site shows can be done here with the same "
        "rights. Errors come as application/problem+json; what takes time answers 202 with its job."
    ),
    urls_namespace="api",
    docs_url=None,
    auth=[BearerToken(), Session()],
)
api.add_router("/me", me.router)
api.add_router("/me", quotas.own)
api.add_router("/me", account.router)
api.add_router("/people", newcomers.roster)
api.add_router("/people", people.router)
api.add_router("/invitations", newcomers.router)
api.add_router("/quotas", quotas.router)
api.add_router("/vms", vms.router)
api.add_router("/vms", screens.router)
api.add_router("/vms", cloudinit.router)
api.add_router("/vms", templates.guests)
api.add_router("/vms", consoles.router)
api.add_router("/vms", series.guests)
api.add_router("/vms", recordings.guests)
api.add_router("/recordings", recordings.router)
api.add_router("/vms", shares.router)
api.add_router("/vms", leases.guests)
api.add_router("/leases", leases.router)
api.add_router("/templates", templates.router)
api.add_router("/templates", grants.router)
api.add_router("/hosts", hosts.hosts)
api.add_router("/hosts", series.hosts)
api.add_router("/pools", storage.pools)
api.add_router("/volumes", storage.volumes)
api.add_router("/images", images.router)
api.add_router("/jobs", jobs.router)
api.add_router("/groups", groups.router)
api.add_router("/audit", audit.router)
api.add_router("/gateway", gateway.router)
api.extra_urls.append(path("docs", docs, name="docs"))

__all__ = ["api"]
