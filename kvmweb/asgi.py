"""The ASGI application: HTTP to Django, websockets to streams, start and stop to lifespan."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kvmweb.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

# Only now, because these import models, which want the applications to be loaded.
from django.conf import settings  # noqa: E402

from kvmweb.lifespan import Lifespan  # noqa: E402
from vms.streams import playback  # noqa: E402
from vms.streams.closing import Receive, Scope, Send, refuse  # noqa: E402
from vms.streams.console import console  # noqa: E402
from vms.streams.download import download  # noqa: E402
from vms.streams.status import StatusConsumer  # noqa: E402
from vms.streams.upload import upload  # noqa: E402

STATUS_PATH = "/ws/status"
CONSOLE_PATH = "/ws/console/"
VOLUMES_PATH, CONTENT = "/api/v1/volumes/", "/content"
UPLOADS_PATH = "/api/v1/uploads/"

status = StatusConsumer.as_asgi()
lifespan = Lifespan()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Hand a connection to what serves its kind."""
    if scope["type"] == "http":
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        await websocket(scope, receive, send)
    elif scope["type"] == "lifespan":
        await lifespan(receive, send)


async def http(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve files that are too large for Django's hands; all else is Django's."""
    path = own_path(scope["path"])
    if playback.PATH.match(path):
        await playback.playback(scope, receive, send, path=path)
    elif path.startswith(UPLOADS_PATH):
        root = f"{(settings.FORCE_SCRIPT_NAME or '').rstrip('/')}{UPLOADS_PATH}"
        upload_id = path.removeprefix(UPLOADS_PATH)
        await upload(scope, receive, send, upload_id=upload_id, root=root)
    elif path.startswith(VOLUMES_PATH) and path.endswith(CONTENT):
        volume_id = path.removeprefix(VOLUMES_PATH).removesuffix(CONTENT)
        await download(scope, receive, send, volume_id=volume_id)
    else:
        await django_application(scope, receive, send)  # type: ignore[arg-type]  # the same shapes


async def websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a websocket by its path; what is nowhere is 404."""
    path = own_path(scope["path"])
    if path == STATUS_PATH:
        await status(scope, receive, send)
    elif path.startswith(CONSOLE_PATH):
        await console(scope, receive, send, vm_id=path.removeprefix(CONSOLE_PATH))
    else:
        await receive()
        await refuse(scope, send, 404)


def own_path(path: str) -> str:
    """Return the path below the prefix; a reverse proxy may have cut the prefix off or not."""
    prefix = (settings.FORCE_SCRIPT_NAME or "").rstrip("/")
    if prefix and path.startswith(f"{prefix}/"):
        return path.removeprefix(prefix)
    return path
