"""Images in pools: what there is, where each came from, who uses it; and deleting one."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction

from vms import selectors
from vms.hypervisor import storage
from vms.imaging import proposal
from vms.imaging.proposal import Proposal
from vms.live import publish
from vms.models import Host, ImageOrigin, Volume
from vms.policy import Action, Actor, can
from vms.problems import Forbidden, Problem, Refused
from vms.services import audit, hosts, uses
from vms.services.pool_state import pool_problem
from vms.services.uses import Use, UseKind

GUESTS = frozenset({UseKind.DISK, UseKind.BELOW, UseKind.CD})
"""How guests use an image."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image as a page shows it. `origin` is None for one that was put there by other hands."""

    volume: Volume
    origin: ImageOrigin | None
    uses: tuple[Use, ...] = ()
    hidden_uses: int = 0
    """How many more guests and templates use it of which the reader may not know."""
    is_being_made: bool = field(default=False)
    is_managed: bool = False
    """The reader may delete it when nothing uses it, and read its file."""

    @property
    def problem(self) -> Problem | None:
        """Why it cannot be deleted now, None when it can."""
        if self.is_being_made:
            return Problem("image-being-made")
        if problem := pool_problem(self.volume.pool):
            return problem
        if self.uses or self.hidden_uses:
            return Problem("image-used", users=self._users())
        return None

    def _users(self) -> str:
        names = [f"“{use.name}”" for use in self.uses[:3]]
        more = len(self.uses) - len(names) + self.hidden_uses
        return ", ".join([*names, f"+{more}"] if more else names)


def listing(*, actor: Actor) -> list[Image]:
    """List the images that the actor may see, by name; a constant number of queries.

    A volume that is the disk of a guest is no image, unless it came as one or a template is made
    from it.
    """
    volumes = list(selectors.images(actor).select_related("pool", "pool__host").order_by("name"))
    found = _images(actor, volumes)
    return [image for image in found if _is_image(image)]


def _is_image(image: Image) -> bool:
    if image.volume.is_iso or image.origin is not None:
        return True
    kinds = {use.kind for use in image.uses}
    return UseKind.TEMPLATE in kinds or not (kinds & GUESTS or image.hidden_uses)


def get(*, actor: Actor, image_id: selectors.Identifier) -> Image:
    """Return one image with who uses it. Raises NotFound."""
    return _images(actor, [selectors.image(actor, image_id)])[0]


def proposal_for(image: Image) -> Proposal:
    """Propose a guest for the system of an image, as the osinfo database has it."""
    return proposal.for_os(image.origin.os_id if image.origin else "")


def _images(actor: Actor, volumes: Sequence[Volume]) -> list[Image]:
    hosts_of = {volume.pool.host_id for volume in volumes}
    origins = {
        (row.host_id, row.pool_name, row.volume_name): row
        for row in ImageOrigin.objects.filter(host__in=hosts_of).select_related("added_by")
    }
    users = _users(actor, volumes)
    making = selectors.volumes_being_made()
    images = []
    for volume in volumes:
        pool = volume.pool
        seen, hidden = users[volume.pk]
        origin = origins.get((pool.host_id, pool.name, volume.name))
        images.append(
            Image(
                volume=volume,
                origin=origin,
                uses=seen,
                hidden_uses=hidden,
                is_being_made=(str(pool.host_id), pool.name, volume.name) in making,
                is_managed=can(actor, Action.IMAGE_MANAGE, origin),
            )
        )
    return images


def _users(actor: Actor, volumes: Sequence[Volume]) -> dict[uuid.UUID, tuple[tuple[Use, ...], int]]:
    """Find who uses each volume; guests and templates that the actor may not see are counted."""
    visible = selectors.visible_vm_ids(actor)
    templates = {str(pk) for pk in selectors.templates(actor).values_list("pk", flat=True)}
    may_be_seen = {UseKind.TEMPLATE: templates, **dict.fromkeys(GUESTS, visible)}
    on_host: defaultdict[Host, list[Volume]] = defaultdict(list)
    for volume in volumes:
        on_host[volume.pool.host].append(volume)
    found = {}
    for host, group in on_host.items():
        for pk, each in uses.by_volume(host, group).items():
            seen = tuple(use for use in each if use.id in may_be_seen.get(use.kind, {use.id}))
            found[pk] = (seen, len(each) - len(seen))
    return found


def delete(*, actor: Actor, image_id: selectors.Identifier) -> None:
    """Delete an image from its pool. Raises Forbidden, Refused while anything uses it."""
    volume = selectors.image(actor, image_id)
    if not can(actor, Action.IMAGE_MANAGE, volume):
        raise Forbidden("forbidden", action=Action.IMAGE_MANAGE.value)
    hosts.require_connected(volume.pool.host)
    image = _images(actor, [volume])[0]
    pool, name = volume.pool, volume.name
    trail = audit.Trail(
        actor,
        "image.delete",
        audit.Target("image", str(volume.pk), name),
        command=f"virsh vol-delete --pool {pool.name} {name}",
        detail={"pool": pool.name},
    )
    with audit.audited(trail):
        if problem := image.problem:
            raise Refused(problem.code, **problem.params)
        uses.now(volume).require_none()  # what was last seen may be old
        storage.delete_volume(hosts.connection(pool.host), pool=pool.name, name=name)
        with transaction.atomic():
            ImageOrigin.objects.filter(
                host=pool.host, pool_name=pool.name, volume_name=name
            ).delete()
            Volume.objects.filter(pk=volume.pk).delete()
            transaction.on_commit(_tell)


def _tell() -> None:
    publish.things_changed("images")
    publish.things_changed("pools")
