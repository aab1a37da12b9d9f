"""Waiting for guests to be idle: one that boots under TCG takes a whole core."""

from __future__ import annotations

import contextlib

from tests.support.site import Site, wait_until

LIMIT_S = 60.0


def wait_for_boot(site: Site, vm_ids: list[str]) -> None:
    """Wait until each guest has an address, its last act of booting, at most a minute."""

    def have_booted() -> bool:
        return all(site.api("GET", f"vms/{vm_id}")["addresses"] for vm_id in vm_ids)

    with contextlib.suppress(AssertionError):
        wait_until(have_booted, limit_s=LIMIT_S)
