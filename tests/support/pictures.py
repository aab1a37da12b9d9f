"""Pictures of screens compared: what the browser shows against what QEMU shows."""

from __future__ import annotations

from io import BytesIO

import libvirt
from PIL import Image, ImageChops


def screen_of(domain: libvirt.virDomain) -> Image.Image:
    """Ask QEMU for the picture of the first screen."""
    stream = domain.connect().newStream()
    domain.screenshot(stream, 0)
    data = bytearray()
    while chunk := stream.recv(262_144):
        data += chunk
    stream.finish()
    return Image.open(BytesIO(bytes(data))).convert("RGB")


def likeness(first: Image.Image, second: Image.Image) -> float:
    """Return the share of pixels that are nearly the same, 0 to 1; sizes must be equal."""
    if first.size != second.size:
        return 0.0
    grey = ImageChops.difference(first, second).convert("L")
    histogram = grey.histogram()
    return sum(histogram[:48]) / (first.width * first.height)


def lit(image: Image.Image) -> float:
    """Return the share of pixels that are not black."""
    histogram = image.convert("L").histogram()
    return sum(histogram[32:]) / (image.width * image.height)
