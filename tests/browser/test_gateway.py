"""The same console, through a gateway: tests of the site's own door, run over the other one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway, running_gateway
from tests.support.site import Site

from .test_console import (  # noqa: F401 - collected here as well
    console,
    guest,
    serial,
    test_a_power_cycle_is_followed_by_screen_and_serial_port,
    test_every_printable_character_typed_in_the_us_layout_arrives,
    test_watching_only_is_kept_by_the_server_whatever_the_page_does,
    test_who_else_is_connected_stands_in_the_bar,
)
from .test_recording import (  # noqa: F401 - as above
    test_the_replay_of_a_screen_ends_with_the_picture_that_was_live,
)


@pytest.fixture(scope="module", autouse=True)
def gateway(site: Site) -> Iterator[Gateway]:
    """Every screen of this module's site comes through it."""
    with running_gateway(site) as running:
        yield running
        assert running.log().count("refused") == 0
