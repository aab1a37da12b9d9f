"""How much guests and hosts used, as averages of minutes, quarters of an hour and hours.

Many rows, so each is small: an integer stands for its guest, an integer for its time.
"""

from __future__ import annotations

from django.db import models

MINUTE_S = 60
QUARTER_S = 900
HOUR_S = 3600
DAY_S = 86_400
KEPT_S = {MINUTE_S: DAY_S, QUARTER_S: 30 * DAY_S, HOUR_S: 365 * DAY_S}
"""How long averages of each length are kept."""
COLUMNS = (
    "cpu_percent",
    "memory_used_mib",
    "memory_total_mib",
    "disk_read_bps",
    "disk_write_bps",
    "net_rx_bps",
    "net_tx_bps",
)
"""The numbers of a row, in the order in which `live.messages.Numbers.row` has them."""


class Track(models.Model):
    """What averages are kept of: one guest or one host. It goes when that goes."""

    id = models.AutoField(primary_key=True)
    vm = models.OneToOneField("vms.VM", null=True, on_delete=models.CASCADE, related_name="track")
    host = models.OneToOneField(
        "vms.Host", null=True, on_delete=models.CASCADE, related_name="track"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(vm=None) ^ models.Q(host=None), name="track_of_one_thing"
            )
        ]


class Average(models.Model):
    """The averages over one period of one track; a number that nobody knew is None.

    `at_s` is the beginning of the period in seconds since 1970, `resolution_s` its length. Of these
    seconds `weight_s` were measured. There is no row for a period of which nothing is known.
    """

    track = models.ForeignKey(
        Track, on_delete=models.CASCADE, related_name="averages", db_index=False
    )
    resolution_s = models.SmallIntegerField()
    at_s = models.BigIntegerField()
    weight_s = models.SmallIntegerField()
    cpu_percent = models.FloatField(null=True)
    memory_used_mib = models.FloatField(null=True)
    memory_total_mib = models.FloatField(null=True)
    disk_read_bps = models.FloatField(null=True)
    disk_write_bps = models.FloatField(null=True)
    net_rx_bps = models.FloatField(null=True)
    net_tx_bps = models.FloatField(null=True)

    class Meta:
        constraints = [
            # Also the index by which everything here is read, rolled up and deleted.
            models.UniqueConstraint(
                fields=["track", "resolution_s", "at_s"], name="average_once_per_period"
            )
        ]


class RolledUp(models.Model):
    """Until when averages of that length were made out of shorter ones, in seconds since 1970."""

    resolution_s = models.SmallIntegerField(primary_key=True)
    until_s = models.BigIntegerField()
