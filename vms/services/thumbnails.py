"""Small pictures of screens, made at most every few seconds and only when somebody asks."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from vms import selectors
from vms.hypervisor import domains
from vms.models import VM
from vms.policy import Action, Actor
from vms.problems import Refused
from vms.services import hosts, seats

MAX_AGE_S = 5.0
SIZE = (480, 360)
"""Pixels, at most; the proportions are kept."""
_KEEP = 256
_MAX_PIXELS = 64_000_000


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """An encoded picture; `etag` is quoted as HTTP wants it."""

    data: bytes
    mime_type: str
    etag: str


_cache: OrderedDict[str, tuple[float, Thumbnail]] = OrderedDict()
_locks: dict[str, threading.Lock] = {}
_guard = threading.Lock()


def thumbnail(*, actor: Actor, vm_id: selectors.Identifier) -> Thumbnail:
    """Return a picture of the guest's screen, at most 5 s old.

    Raises Refused("no-picture") while the guest is off, and host errors.
    """
    vm = selectors.vm(actor, vm_id, Action.VM_VIEW)
    if not vm.is_active or vm.is_creating or seats.is_kept_from(actor=actor, vm=vm):
        raise Refused("no-picture")
    key = str(vm.pk)
    with _lock_of(key):
        cached = _cache.get(key)
        if cached is not None and time.monotonic() - cached[0] < MAX_AGE_S:
            return cached[1]
        fresh = _take(vm)
        _store(key, fresh)
        return fresh


def _lock_of(key: str) -> threading.Lock:
    """One picture of a guest is made at a time, however many ask."""
    with _guard:
        return _locks.setdefault(key, threading.Lock())


def _store(key: str, fresh: Thumbnail) -> None:
    with _guard:
        _cache[key] = (time.monotonic(), fresh)
        _cache.move_to_end(key)
        while len(_cache) > _KEEP:
            old, _value = _cache.popitem(last=False)
            _locks.pop(old, None)


def _take(vm: VM) -> Thumbnail:
    shot = domains.screenshot(hosts.connection(vm.host), str(vm.domain_uuid))
    data = encode(shot.data)
    return Thumbnail(data, "image/webp", f'"{hashlib.sha256(data).hexdigest()[:32]}"')


def encode(picture: bytes) -> bytes:
    """Scale a PNG or PPM down and encode it as WebP. Raises Refused("picture-unreadable")."""
    try:
        with Image.open(BytesIO(picture), formats=("PNG", "PPM")) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise Refused("picture-unreadable")
            small = image.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError):
        raise Refused("picture-unreadable") from None
    small.thumbnail(SIZE, Image.Resampling.BILINEAR)
    output = BytesIO()
    small.save(output, "WEBP", quality=70, method=0)
    return output.getvalue()
