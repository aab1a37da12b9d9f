"""Which encodings a client may ask for: those that draw the picture, and those that let it act."""

from __future__ import annotations

from typing import Final

EXTENDED_BUTTONS: Final = -316
"""Makes some pointer messages a byte longer; QEMU does not know it, so that nobody misses it."""

_PICTURES = frozenset({0, 1, 2, 4, 5, 6, 7, 8, 15, 16, 17, 21, 22, 50, -260})
_ABOUT_THE_PICTURE = frozenset(
    {
        -223,  # desktop size: told of it, not asked for it
        -224,  # last rectangle
        -232,  # place of the pointer
        -239,  # shape of the pointer, as are the next three
        -240,
        -314,
        0x574D5664,
        -307,  # name of the desktop
        -312,  # fence
        -313,  # continuous updates
    }
)
_LEVELS = (range(-32, -22), range(-256, -246), range(-512, -411), range(-768, -762))
"""Quality, compression, fine quality and subsampling of JPEG."""


def is_for_viewers(encoding: int) -> bool:
    """Say whether a viewer may ask for this encoding (a signed number).

    What lets a client act (clipboard, keys, sound, other sizes of the screen) is not among them.
    """
    if encoding in _PICTURES or encoding in _ABOUT_THE_PICTURE:
        return True
    return any(encoding in levels for levels in _LEVELS)


def is_for_all(encoding: int) -> bool:
    """Say whether somebody who has control may ask for this encoding."""
    return encoding != EXTENDED_BUTTONS
