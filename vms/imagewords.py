"""The sentences about images, uploads and downloads; vms/messages.py gives them out."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

SENTENCES: dict[str, str | Promise] = {
    "image-name": lazy(
        "“%(name)s” does not end like an image: iso, qcow2, img, raw, vmdk, vdi, vhdx or ova, also "
        "with gz, xz or zst behind it."
    ),
    "image-empty": lazy("The file is empty."),
    "image-not-as-named": lazy(
        "By its name it should be %(name)s, but what it holds is %(found)s."
    ),
    "image-has-backing": lazy(
        "It is only the difference to another image, which did not come with it. Flatten it first: "
        "qemu-img convert makes one whole file."
    ),
    "image-has-data-file": lazy(
        "It keeps its data in another file, which did not come with it. Flatten it first: "
        "qemu-img convert makes one whole file."
    ),
    "image-names-others": lazy(
        "It is a VMDK that consists of several files or names others. Make one file of it: "
        "qemu-img convert -O vmdk -o subformat=streamOptimized."
    ),
    "image-encrypted": lazy("It is encrypted, and nobody here has the key."),
    "image-absurd-size": lazy("It claims a size of %(size)s; at most %(limit)s is taken."),
    "image-truncated": lazy("The file ends before the image does; get it again."),
    "url-rule": lazy("An address begins with https:// or http:// and has no spaces."),
    "url-password": lazy("An address with a user name or password in it is not taken."),
    "url-unknown": lazy("There is no address for “%(host)s”."),
    "url-forbidden": lazy(
        "“%(host)s” is in a network that images may not be fetched from. KVMWEB_DOWNLOAD_ALLOW can "
        "allow networks of your own."
    ),
    "url-status": lazy("The server there answered %(status)s."),
    "url-broken": lazy("The download broke off again and again: %(reason)s"),
    "url-silent": lazy("The server there does not answer: %(reason)s"),
    "url-redirects": lazy("The server there sends on and on to other addresses."),
    "url-downgrade": lazy("The server there sends on to an address without encryption."),
    "url-certificate": lazy("The certificate of the server there is not valid: %(reason)s"),
    "too-many-downloads": lazy("%(limit)s downloads are under way; wait until one has ended."),
    "download-under-way": lazy("“%(name)s” is being fetched already."),
    "catalogue-unreadable": lazy("The catalogue cannot be read: %(detail)s"),
    "image-used": lazy("It is in use: %(users)s."),
    "image-being-made": lazy("It is still being made."),
    "image-damaged": lazy("The image is damaged or not what it seems: %(detail)s"),
    "image-too-large": lazy("Unpacked it is larger than %(limit)s, the most that is taken."),
    "upload-too-large": lazy("At most %(limit)s are taken (KVMWEB_IMAGE_MAX_GIB)."),
    "upload-not-whole": lazy("Some of its bytes have not come yet."),
    "upload-discarded": lazy("The upload was given up."),
    "upload-expired": lazy("Nobody went on with this upload in time."),
    "upload-offset": lazy("The upload is at %(offset)s bytes; ask where to go on."),
    "upload-busy": lazy("Another connection is sending this file; try again in a moment."),
    "upload-checksum": lazy("These bytes did not arrive as they were sent; send them again."),
    "upload-beyond": lazy("More bytes came than the file has."),
    "upload-protocol": lazy("The request does not follow the tus protocol 1.0: %(detail)s"),
    "too-many-uploads": lazy("You have %(limit)s unfinished uploads; remove some first."),
    "too-many-transfers": lazy("Too many transfers are under way; try again in a moment."),
    "download-cut": lazy("The client went away, or it broke off, before all was sent."),
    "uploads-full": lazy(
        "The disk that holds uploads is full. Remove some, or wait until others are done."
    ),
    "ova-no-disk": lazy("The OVA holds no disk that its description names."),
    "ova-several-disks": lazy(
        "The OVA holds %(count)s disks; one can be taken. Unpack it and upload each disk by itself."
    ),
    "checksum-rule": lazy("A SHA-256, SHA-384 or SHA-512 is 64, 96 or 128 hexadecimal digits."),
    "checksum-wrong": lazy(
        "The file is not the one that was published: its checksum is %(found)s, not %(wanted)s."
    ),
    "checksum-missing": lazy("The published checksums say nothing about “%(name)s”."),
}

JOB_KINDS: dict[str, str | Promise] = {
    "import-image": lazy("Add image"),
    "fetch-image": lazy("Fetch image"),
}

STEPS: dict[str, str | Promise] = {
    "download": lazy("downloading"),
    "template": lazy("making the template"),
    "verify": lazy("computing the checksum"),
    "unpack": lazy("unpacking"),
    "inspect": lazy("looking into the image"),
    "convert": lazy("converting to qcow2"),
    "copy": lazy("copying into the pool"),
}

ACTIONS: dict[str, str | Promise] = {
    "image.upload": lazy("Upload image"),
    "image.url": lazy("Fetch image from an address"),
    "image.catalogue": lazy("Fetch image of the catalogue"),
    "image.delete": lazy("Delete image"),
    "volume.download": lazy("Download volume"),
}
