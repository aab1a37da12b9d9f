"""Files on their way in, and where the images in pools came from."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Upload(models.Model):
    """A file that a browser or script sends piece by piece; the pieces lie in a file of that id.

    Its row goes when the file is whole and a job has it, or when nobody sent anything for long.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads"
    )
    pool = models.ForeignKey("vms.Pool", on_delete=models.CASCADE, related_name="+")
    filename = models.CharField(max_length=255)
    size_bytes = models.BigIntegerField()
    checksum = models.CharField(max_length=140, blank=True)
    """What the sender says: algorithm, colon, digest; "" when he says nothing."""
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["created_at"]


class ImageSource(models.TextChoices):
    """How an image came."""

    UPLOAD = "upload", _("uploaded")
    URL = "url", _("from an address")
    CATALOGUE = "catalogue", _("from the catalogue")


class ImageOrigin(models.Model):
    """Where the image in a volume came from, and what was found in it.

    Named by pool and volume, so that it outlives the row of a volume whose pool went away.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey("vms.Host", on_delete=models.CASCADE, related_name="+")
    pool_name = models.CharField(max_length=255)
    volume_name = models.CharField(max_length=255)
    source = models.CharField(max_length=10, choices=ImageSource.choices)
    origin = models.CharField(max_length=1000)
    """The name of the file, or the address without its query."""
    checksum = models.CharField(max_length=140)
    """Of the file as it came: algorithm, colon, digest."""
    is_verified = models.BooleanField(default=False)
    """True where the checksum was published or given, and was right."""
    os_id = models.CharField(max_length=60, blank=True)
    """Short id in the osinfo database."""
    os_name = models.CharField(max_length=100, blank=True)
    arch = models.CharField(max_length=20, blank=True)
    is_bootable = models.BooleanField(null=True)
    """Of an ISO: whether it boots, from BIOS or UEFI. None for a disk."""
    has_efi = models.BooleanField(null=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["host", "pool_name", "volume_name"], name="image_origin_once"
            )
        ]
