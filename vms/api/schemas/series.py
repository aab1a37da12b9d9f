"""History, as the API answers it."""

from __future__ import annotations

from pydantic import BaseModel, Field

from vms.services.series import Span


class SeriesInfo(BaseModel):
    """Averages over even periods, in columns of one length; null where nothing was measured."""

    span: Span
    step_s: int = Field(description="Length of a period in seconds.")
    at_s: list[int] = Field(
        description="Begin of each period in seconds since 1970; now is in the last one."
    )
    cpu_percent: list[float | None] = Field(description="All processors together are 100.")
    memory_used_mib: list[float | None]
    memory_total_mib: list[float | None]
    disk_read_bps: list[float | None] = Field(description="Bytes per second, as are the rest.")
    disk_write_bps: list[float | None]
    net_rx_bps: list[float | None]
    net_tx_bps: list[float | None]
