"""Bytes of a volume for somebody who may have them: what is asked for, and what the trail says."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from vms import selectors
from vms.hypervisor import download
from vms.models import AuditPhase, Volume
from vms.policy import Action, Actor, can
from vms.problems import NotFound
from vms.services import audit, hosts


@dataclass(frozen=True, slots=True)
class DownloadGrant:
    """Permission to read a volume now."""

    actor: Actor
    host_id: str
    host_uri: str
    pool: str
    name: str
    volume_id: str
    size_bytes: int
    correlation: uuid.UUID = field(default_factory=uuid.uuid4)


def grant(*, actor: Actor, volume_id: selectors.Identifier) -> DownloadGrant:
    """Let somebody read a volume's file; asks the host how large it is.

    Raises NotFound for all who may not, host errors.
    """
    try:
        key = uuid.UUID(str(volume_id))
    except ValueError:
        raise NotFound("volume") from None
    volume = Volume.objects.select_related("pool__host").filter(pk=key).first()
    if volume is None or not can(actor, Action.VOLUME_DOWNLOAD, volume):
        raise NotFound("volume")
    host = volume.pool.host
    hosts.require_connected(host)
    size = download.file_bytes(hosts.connection(host), pool=volume.pool.name, name=volume.name)
    return DownloadGrant(
        actor=actor,
        host_id=str(host.pk),
        host_uri=host.uri,
        pool=volume.pool.name,
        name=volume.name,
        volume_id=str(volume.pk),
        size_bytes=size,
    )


def began(*, grant: DownloadGrant, first: int, last: int) -> None:
    """Write that somebody reads a volume, from which byte to which."""
    audit.write(_trail(grant, first, last), AuditPhase.REQUESTED)


def ended(*, grant: DownloadGrant, first: int, last: int, sent_bytes: int) -> None:
    """Write how much of it went out."""
    is_whole = sent_bytes == last - first + 1
    phase = AuditPhase.SUCCEEDED if is_whole else AuditPhase.FAILED
    code = {} if is_whole else {"code": "download-cut"}
    audit.write(_trail(grant, first, last), phase, bytes=sent_bytes, **code)


def _trail(grant: DownloadGrant, first: int, last: int) -> audit.Trail:
    return audit.Trail(
        grant.actor,
        Action.VOLUME_DOWNLOAD.value,
        audit.Target("volume", grant.volume_id, grant.name),
        command=f"virsh vol-download --pool {grant.pool} {grant.name} FILE",
        detail={"pool": grant.pool, "range": f"{first}-{last}/{grant.size_bytes}"},
        correlation=grant.correlation,
    )
