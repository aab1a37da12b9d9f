"""What a guest is told by cloud-init: look, change for its next boot, take away."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from vms.api.auth import actor_of
from vms.api.machines import AddressesInfo, CloudInitChange, CloudInitInfo
from vms.api.once import MATCH, require_match, tag_of
from vms.policy import Actor
from vms.services import seeds

router = Router(tags=["vms"])


def _show(actor: Actor, vm_id: UUID) -> CloudInitInfo:
    state = seeds.state(actor=actor, vm_id=vm_id)
    wish = state.wish
    return CloudInitInfo(
        has_seed=state.has_seed,
        has_password=state.has_password,
        generation=state.generation,
        hostname=wish.hostname,
        user=wish.user,
        ssh_keys=list(wish.ssh_keys),
        packages=list(wish.packages),
        timezone=wish.timezone,
        locale=wish.locale,
        nics=[
            AddressesInfo(
                mac=mac,
                addresses=list(nic.addresses),
                gateways=list(nic.gateways),
                nameservers=list(nic.nameservers),
            )
            for mac, nic in zip(state.macs, wish.nics, strict=True)
        ],
        user_data=wish.user_data,
    )


@router.get(
    "/{vm_id}/cloud-init",
    response=CloudInitInfo,
    operation_id="get_vm_cloud_init",
    summary="Look at what a guest is told",
)
def get_vm_cloud_init(request: HttpRequest, vm_id: UUID, response: HttpResponse) -> CloudInitInfo:
    """Show what cloud-init tells the guest, without its password. For those who may change it."""
    return _tagged(actor_of(request), vm_id, response)


def _tagged(actor: Actor, vm_id: UUID, response: HttpResponse) -> CloudInitInfo:
    shown = _show(actor, vm_id)
    response["ETag"] = tag_of(shown)
    return shown


@router.put(
    "/{vm_id}/cloud-init",
    response=CloudInitInfo,
    operation_id="set_vm_cloud_init",
    summary="Change what a guest is told",
    openapi_extra=MATCH,
)
def set_vm_cloud_init(
    request: HttpRequest, vm_id: UUID, data: CloudInitChange, response: HttpResponse
) -> CloudInitInfo:
    """Write what the guest reads at its next boot; one without a seed must be off to get one."""
    actor = actor_of(request)
    require_match(request, lambda: tag_of(_show(actor, vm_id)))
    seeds.save(actor=actor, vm_id=vm_id, wish=data.wish())
    return _tagged(actor, vm_id, response)


@router.delete(
    "/{vm_id}/cloud-init",
    response={204: None},
    operation_id="remove_vm_cloud_init",
    summary="Take the seed from a guest",
)
def remove_vm_cloud_init(request: HttpRequest, vm_id: UUID) -> Status[None]:
    """Remove the disk with it, and all that was kept of it; the guest must be off."""
    seeds.remove(actor=actor_of(request), vm_id=vm_id)
    return Status(204, None)
