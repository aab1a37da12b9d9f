"""Images and entries of the catalogue as the schemas of the API."""

from __future__ import annotations

from vms import messages
from vms.api.represent import image
from vms.api.schemas.images import CatalogueEntry, ImageDetail, ImageProposal, ImageUse
from vms.imaging.catalogue import Entry
from vms.services import images


def detail(found: images.Image) -> ImageDetail:
    """Show an image with where it came from and who uses it."""
    origin = found.origin
    proposal = images.proposal_for(found)
    values = image(found.volume).model_dump()
    if origin is not None:
        values |= {
            "source": origin.source,
            "origin": origin.origin,
            "checksum": origin.checksum,
            "is_verified": origin.is_verified,
            "os_id": origin.os_id,
            "os_name": origin.os_name or proposal.os_name,
            "arch": origin.arch,
            "is_bootable": origin.is_bootable,
            "added_at": origin.added_at,
        }
    return ImageDetail(
        **values,
        is_being_made=found.is_being_made,
        uses=[ImageUse(kind=use.kind, id=use.id, name=use.name) for use in found.uses],
        hidden_uses=found.hidden_uses,
        can_delete=found.is_managed and found.problem is None,
        reason=_reason(found),
        proposal=ImageProposal(
            memory_mib=proposal.memory_mib,
            vcpus=proposal.vcpus,
            disk_bytes=proposal.disk_bytes,
            disk_bus=proposal.disk_bus,
            nic_model=proposal.nic_model,
            video_model=proposal.video_model,
            needs_uefi=proposal.needs_uefi,
            needs_tpm=proposal.needs_tpm,
        ),
    )


def _reason(found: images.Image) -> str:
    if not found.is_managed:
        return messages.sentence_for("forbidden")
    return messages.sentence(found.problem) if found.problem else ""


def catalogue_entry(entry: Entry) -> CatalogueEntry:
    """Show an image of the catalogue."""
    return CatalogueEntry(
        id=entry.id,
        name=entry.name,
        arch=entry.arch,
        url=entry.url,
        checksum_url=entry.checksum_url,
        os_id=entry.os_id,
        user=entry.user,
        memory_mib=entry.memory_mib,
        disk_bytes=entry.disk_bytes,
        note=entry.note,
    )
