"""The console on a telephone: its own keyboard types, and fingers are a mouse."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, CDPSession, Page, WebSocket, expect

from tests.support.pictures import lit
from tests.support.serial import Serial
from tests.support.site import Site, wait_until

from .test_newcomer import picture

POINTER = 5
"""RFB's PointerEvent: type, mask of buttons, x and y of 16 bits."""
LEFT, MIDDLE, RIGHT, UP, DOWN = 1, 2, 4, 8, 16


@pytest.fixture(scope="module")
def guest(site: Site) -> str:
    return str(site.create("touched")["id"])


@pytest.fixture
def sent() -> list[bytes]:
    """What the page has sent to the guest."""
    return []


@pytest.fixture
def phone(browser: Browser, admin_state, site: Site, guest: str, sent) -> Iterator[Page]:
    """The guest's console on a telephone, with its picture there."""

    def follow(socket: WebSocket) -> None:
        if "/console" in socket.url:
            socket.on("framesent", lambda data: sent.append(data) if isinstance(data, bytes) else 0)

    context = browser.new_context(
        storage_state=admin_state,
        base_url=site.url,
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )
    page = context.new_page()
    page.on("websocket", follow)
    page.goto(f"/guests/{guest}/console/")
    expect(page.locator("#cover")).to_be_hidden(timeout=30_000)
    wait_until(lambda: lit(picture(page)) > 0.003, limit_s=40, what="a picture")
    yield page
    context.close()


def masks(sent: list[bytes]) -> list[int]:
    """Buttons of the pointer events, each run of equal ones once."""
    found = [data[1] for data in sent if data[0] == POINTER and len(data) == 6]
    return [mask for mask, before in zip(found, [None, *found], strict=False) if mask != before]


class Fingers:
    """Fingers on the middle of the screen."""

    def __init__(self, page: Page) -> None:
        box = page.locator("#screen-canvas canvas").bounding_box()
        assert box is not None
        self._page = page
        self._centre = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self._wire: CDPSession = page.context.new_cdp_session(page)

    def tap(self, count: int) -> None:
        """Put so many fingers down and lift them."""
        self._send("touchStart", [(30 * number, 0) for number in range(count)])
        self._send("touchEnd", [])

    def swipe(self, count: int, way: int) -> None:
        """Move so many fingers up or down together."""
        for step in range(12):
            places = [(30 * number, way * step * 12) for number in range(count)]
            self._send("touchStart" if step == 0 else "touchMove", places)
        self._send("touchEnd", [])

    def _send(self, kind: str, places: list[tuple[int, int]]) -> None:
        x, y = self._centre
        points = [{"x": x + dx, "y": y + dy, "id": n} for n, (dx, dy) in enumerate(places)]
        self._wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        self._page.wait_for_timeout(20)


def type_line(page: Page, text: str, *keys: str) -> None:
    """Type as the keyboard of a telephone does, a word at a time, with Enter at the end."""
    page.keyboard.insert_text(text)
    for key in (*keys, "Enter"):
        page.keyboard.press(key)


def test_the_keyboard_of_the_device_types_into_the_guest(phone, guest) -> None:
    port = Serial(guest)

    def answers() -> bool:
        type_line(phone, "echo finger-$((40+2)) >/dev/ttyS00", "Backspace")
        with contextlib.suppress(AssertionError):
            return bool(wait_until(lambda: "finger-42" in port.text, limit_s=5))
        return False

    try:
        wait_until(port.has_prompt, limit_s=90, what="a login prompt")
        phone.locator("#touch").tap()
        expect(phone.locator("#touch-keyboard")).to_be_focused()
        type_line(phone, "root")
        wait_until(answers, limit_s=60, what="what was typed")
    finally:
        port.close()
    phone.locator("#touch").tap()
    expect(phone.locator("#touch-keyboard")).not_to_be_focused()


@pytest.mark.parametrize(("fingers", "button"), [(1, LEFT), (2, RIGHT), (3, MIDDLE)])
def test_fingers_tap_as_buttons_of_a_mouse(phone, sent, fingers, button) -> None:
    Fingers(phone).tap(fingers)
    wait_until(lambda: masks(sent)[-2:] == [button, 0], limit_s=10, what="a click")


@pytest.mark.parametrize(("way", "wheel"), [(-1, DOWN), (1, UP)])
def test_two_fingers_turn_the_wheel(phone, sent, way, wheel) -> None:
    Fingers(phone).swipe(2, way)
    wait_until(lambda: wheel in masks(sent), limit_s=10, what="the wheel")


def test_one_finger_drags(phone, sent) -> None:
    Fingers(phone).swipe(1, 1)
    wait_until(lambda: masks(sent)[-2:] == [LEFT, 0], limit_s=10, what="a drag")
