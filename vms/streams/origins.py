"""Where a websocket may come from. Pure.

A browser sends a site's cookies along from any page, so the Origin must be exactly the site's own.
"""

from __future__ import annotations

from collections.abc import Collection

from django.http.request import split_domain_port, validate_host

from vms.rfb.doors import normalised


def is_trusted(
    origin: str,
    *,
    scheme: str,
    host: str,
    allowed_hosts: Collection[str],
    public_origins: Collection[str],
) -> bool:
    """Say whether `origin` is the site itself; a missing one is not.

    `scheme` (http or https) and `host` (the Host header) make the site's own origin if that host is
    an allowed one. `public_origins` are those of KVMWEB_PUBLIC_URLS.
    """
    wanted = normalised(origin)
    if not wanted:
        return False
    if wanted in {normalised(public) for public in public_origins}:
        return True
    domain, _port = split_domain_port(host)
    return (
        bool(domain)
        and validate_host(domain, list(allowed_hosts))
        and wanted == normalised(f"{scheme}://{host}")
    )
