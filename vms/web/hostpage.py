"""What the Host page shows: facts, load, pools and networks of each host."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vms import messages
from vms.hypervisor.types import HostLoad
from vms.live import recent
from vms.models import Gateway, Host, Network, Pool
from vms.services import health
from vms.services.series import Span
from vms.web.charts import Charts, host_charts
from vms.web.forms.hosts import ConsolesForm


@dataclass(frozen=True, slots=True)
class HostView:
    """One host."""

    host: Host
    accelerator: str
    accelerator_reason: str
    is_fast: bool
    away_reason: str
    pools: list[Pool]
    networks: list[Network]
    load: HostLoad | None
    charts: Charts
    gateways: list[Gateway]
    consoles_form: ConsolesForm


def host_views(
    hosts: Iterable[Host],
    pools: Iterable[Pool],
    networks: Iterable[Network],
    span: Span,
    wrong: ConsolesForm | None = None,
) -> list[HostView]:
    """Put together what belongs to each host; `wrong` is a form that was not accepted."""
    all_pools, all_networks = list(pools), list(networks)
    return [
        HostView(
            host=host,
            accelerator=str(host.facts.get("accelerator", "")),
            accelerator_reason=messages.accelerator_reason(
                str(host.facts.get("accelerator_reason", ""))
            ),
            is_fast=host.facts.get("accelerator") == "kvm",
            away_reason=_away_reason(host),
            pools=[pool for pool in all_pools if pool.host_id == host.pk],
            networks=[network for network in all_networks if network.host_id == host.pk],
            load=recent.host_load(str(host.pk)),
            charts=host_charts(host, span),
            gateways=[each for each in host.gateways.all() if each.revoked_at is None],
            consoles_form=wrong if wrong and wrong.host_id == host.pk else ConsolesForm(host=host),
        )
        for host in hosts
    ]


def _away_reason(host: Host) -> str:
    return health.away_reason(host.status_code, host.status_detail) if host.status_code else ""
