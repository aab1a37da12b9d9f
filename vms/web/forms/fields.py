"""Fields that several forms share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import MinValueValidator
from django.utils.translation import gettext_lazy as _

GIB = 1024**3


class GibibytesField(forms.DecimalField):
    """A size typed in GiB; `to_bytes` gives bytes."""

    def __init__(self, **kwargs: Any) -> None:  # Any: as forms.Field takes them
        super().__init__(
            max_digits=11,
            decimal_places=3,
            widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
            validators=[MinValueValidator(Decimal(0))],
            **kwargs,
        )


def to_bytes(gib: Decimal | None) -> int:
    """Convert GiB to bytes, rounded up to whole sectors of 512 bytes; None is 0."""
    return -(-int((gib or Decimal(0)) * GIB) // 512) * 512


def to_gib(size_bytes: int) -> Decimal:
    """Convert bytes to GiB, rounded up to what the field can show."""
    steps = -(-size_bytes * 1000 // GIB)
    return (Decimal(steps) / 1000).normalize() if steps % 1000 else Decimal(steps // 1000)


class CountField(forms.IntegerField):
    """A whole number; how large it may be is said by the service."""

    def __init__(self, **kwargs: Any) -> None:  # Any: as forms.Field takes them
        kwargs.setdefault("error_messages", {"invalid": _("A whole number is needed.")})
        super().__init__(
            widget=forms.NumberInput(attrs={"step": "1", "inputmode": "numeric"}), **kwargs
        )


class LinesField(forms.CharField):
    """A text of several lines; browsers send their ends as CR LF, we keep LF."""

    def __init__(self, *, rows: int, **kwargs: Any) -> None:  # Any: as forms.Field takes them
        super().__init__(strip=False, widget=forms.Textarea(attrs={"rows": rows}), **kwargs)

    def to_python(self, value: Any) -> str:  # Any: as forms.Field takes it
        """Return the text with LF as its line ends."""
        return (super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n")
