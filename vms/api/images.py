"""Images: what there is, getting more, deleting one. Uploads and downloads are vms/streams."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from vms import selectors
from vms.api import represent, represent_images
from vms.api.auth import actor_of
from vms.api.inputs import CatalogueChoice, ImageFetch, ImageFilter
from vms.api.once import ONCE, once_a_job
from vms.api.paging import each, page
from vms.api.schemas.images import CatalogueEntry, ImageDetail, ImagePage
from vms.api.schemas.jobs import JobInfo
from vms.services import fetching, images
from vms.services.fetching import UrlRequest

router = Router(tags=["images"])


@router.get("", response=ImagePage, operation_id="list_images", summary="List images")
def list_images(request: HttpRequest, wanted: Query[ImageFilter]) -> ImagePage:
    """List what templates can be made from, and ISOs. Users see ISOs, authors also what
    they brought and images of templates that they see.
    """
    rows = selectors.images(actor_of(request))
    if wanted.kind == "iso":
        rows = rows.filter(format="iso")
    elif wanted.kind == "disk":
        rows = rows.exclude(format="iso")
    return page(ImagePage, rows, wanted, each(represent.image))


@router.get(
    "/catalogue/entries",
    response=list[CatalogueEntry],
    operation_id="list_catalogue",
    summary="List the catalogue",
)
def list_catalogue(request: HttpRequest) -> list[CatalogueEntry]:
    """List the official cloud images that can be fetched. For authors and administrators."""
    return [
        represent_images.catalogue_entry(each) for each in fetching.entries(actor=actor_of(request))
    ]


@router.post(
    "/catalogue/fetch",
    response={202: JobInfo},
    operation_id="fetch_catalogue_image",
    summary="Fetch an image of the catalogue",
    openapi_extra=ONCE,
)
def fetch_catalogue_image(
    request: HttpRequest, data: CatalogueChoice, response: HttpResponse
) -> Status[JobInfo]:
    """Fetch it, verify the published checksum, bring it into a pool, offer a template."""
    return once_a_job(
        request,
        response,
        lambda: fetching.from_catalogue(
            actor=actor_of(request),
            entry_id=data.entry_id,
            pool_id=data.pool_id or "",
            makes_template=data.has_template,
        ),
    )


@router.post(
    "/fetch",
    response={202: JobInfo},
    operation_id="fetch_image",
    summary="Fetch an image from an address",
    openapi_extra=ONCE,
)
def fetch_image(request: HttpRequest, data: ImageFetch, response: HttpResponse) -> Status[JobInfo]:
    """Let the server download an ISO or disk image, look into it, and bring it into a pool.

    For administrators, and for authors where `KVMWEB_AUTHOR_URLS` allows it.
    """
    wanted = UrlRequest(
        url=data.url, pool_id=data.pool_id or "", checksum=data.checksum, filename=data.filename
    )
    return once_a_job(
        request, response, lambda: fetching.from_url(actor=actor_of(request), request=wanted)
    )


@router.get(
    "/{image_id}", response=ImageDetail, operation_id="get_image", summary="Look at an image"
)
def get_image(request: HttpRequest, image_id: UUID) -> ImageDetail:
    """Show an image: where it came from, who uses it, what a guest for its system should have."""
    return represent_images.detail(images.get(actor=actor_of(request), image_id=image_id))


@router.delete(
    "/{image_id}", response={204: None}, operation_id="delete_image", summary="Delete an image"
)
def delete_image(request: HttpRequest, image_id: UUID) -> Status[None]:
    """Delete an image from its pool, as an author one that you brought; not while it is used."""
    images.delete(actor=actor_of(request), image_id=image_id)
    return Status(204, None)
