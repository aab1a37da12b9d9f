"""Where somebody comes from when a proxy stands in front."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

from kvmweb.env import Env
from vms.management.commands.serve import Options, configure


def address_seen(settings, proxies: list[str], peer: str, said: str) -> str:
    """Serve one request through uvicorn's own handling of proxies; return the client's address."""
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"trusted_proxies": proxies})
    config = configure(Options("127.0.0.1", 8000, False), print)
    seen: list[str] = []

    async def application(scope, _receive, _send) -> None:
        seen.append(scope["client"][0])

    config.app = application
    config.load()
    scope = {"type": "http", "client": (peer, 1), "scheme": "http", "asgi": {}}
    scope["headers"] = [(b"x-forwarded-for", said.encode())]
    asyncio.run(config.loaded_app(scope, None, None))
    return seen[0]


def test_a_trusted_proxy_is_believed_and_anybody_else_is_not(settings):
    inside = address_seen(settings, ["10.1.0.0/24"], "10.1.0.9", "203.0.113.5")
    outside = address_seen(settings, ["10.1.0.0/24"], "10.2.0.9", "203.0.113.5")
    assert (inside, outside) == ("203.0.113.5", "10.2.0.9")


def test_an_address_that_the_client_invents_in_front_is_not_taken(settings):
    said = "1.2.3.4, 203.0.113.5"
    assert address_seen(settings, ["10.1.0.0/24"], "10.1.0.9", said) == "203.0.113.5"


def test_without_a_proxy_nobody_names_his_own_address(settings):
    assert address_seen(settings, [], "127.0.0.1", "203.0.113.5") == "127.0.0.1"


@pytest.mark.parametrize("text", ["*", "proxy.example.org", "10.1.0.0/99"])
def test_only_addresses_and_networks_are_proxies(text):
    with pytest.raises(ValidationError):
        Env(trusted_proxies=text)
