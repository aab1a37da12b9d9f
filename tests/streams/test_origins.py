"""Only the site itself."""

from __future__ import annotations

import pytest

from vms.streams.origins import is_trusted

ALLOWED = ["localhost", "127.0.0.1", "[::1]", "vms.example"]


def trusted(origin, host="localhost:8000", scheme="http", public=()):
    return is_trusted(
        origin, scheme=scheme, host=host, allowed_hosts=ALLOWED, public_origins=public
    )


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("http://localhost:8000", "localhost:8000", "http"),
        ("http://LOCALHOST:8000", "localhost:8000", "http"),
        ("https://vms.example", "vms.example", "https"),
        ("https://vms.example", "vms.example:443", "https"),
        ("http://[::1]:8000", "[::1]:8000", "http"),
    ],
)
def test_the_sites_own_origin_is_trusted(origin, host, scheme) -> None:
    assert trusted(origin, host, scheme)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "http://evil.example",
        "http://localhost:8001",
        "https://localhost:8000",
        "http://localhost:8000.evil.example",
        "http://localhost:8000@evil.example",
        "http://evil.example/http://localhost:8000",
        "http://localhost:8000/",
        "http://localhost:99999",
        "http://[::1",
        "localhost:8000",
        "//localhost:8000",
    ],
)
def test_any_other_origin_is_refused(origin) -> None:
    assert not trusted(origin)


def test_a_host_that_is_not_allowed_makes_no_origin() -> None:
    assert not trusted("http://evil.example:8000", host="evil.example:8000")


def test_behind_a_proxy_the_public_address_counts() -> None:
    assert trusted("https://kvm.example", host="10.0.0.7:8000", public=["https://kvm.example"])
    assert not trusted("http://kvm.example", host="10.0.0.7:8000", public=["https://kvm.example"])
