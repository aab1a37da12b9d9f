"""What is wrong with this installation and how to mend it: for doctor and the Host page.

`site` looks at this machine, `probe` asks a host now, `last_seen` judges a host from its rows.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django.utils.translation import gettext as _

from vms import messages
from vms.hypervisor import capabilities, networks, nodes, storage
from vms.hypervisor.errors import HypervisorError
from vms.hypervisor.types import Accelerator, PoolState
from vms.models import AuditEntry, Host, HostStatus, Network, Pool
from vms.policy import Action, Actor, can
from vms.problems import Forbidden
from vms.services import hosts

MIN_HOME_BYTES = 512 * 1024**2
MIN_POOL_BYTES = 1024**3
MIN_QEMU = (6, 2)
VIRTLOGD_SOCKET = Path("/run/libvirt/virtlogd-sock")
VIRTLOGD_TIMEOUT_S = 2.0
RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
"""The clock cannot be right before this code was written."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `advice` says what to do, "" when there is nothing to do.

    Without what `is_essential` no guest runs; the rest makes them slow or is good to know.
    """

    code: str
    title: str
    is_ok: bool
    detail: str
    advice: str = ""
    is_essential: bool = True


@dataclass(frozen=True, slots=True)
class Room:
    """A storage pool as far as the checks need it."""

    is_active: bool
    available_bytes: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found out about a host; empty with an `error_code` where nothing could be."""

    uri: str
    error_code: str = ""
    error_detail: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    pools: Mapping[str, Room] = field(default_factory=dict)
    networks: Mapping[str, bool] = field(default_factory=dict)


def everything(*, actor: Actor) -> tuple[Check, ...]:
    """Check this machine and ask every host now, or the one in the settings where none is known."""
    checks = site(actor=actor)
    for host in _known_hosts():
        checks += probe(actor=actor, host=host)
    return checks


def _known_hosts() -> list[Host]:
    configured = Host(name="local", uri=settings.KVMWEB.libvirt_uri)
    try:
        return list(Host.objects.all()) or [configured]
    except DatabaseError:
        return [configured]


def _authorize(actor: Actor) -> None:
    if not can(actor, Action.HOST_VIEW):
        raise Forbidden("forbidden", action=Action.HOST_VIEW.value)


# This machine --------------------------------------------------------------------------------


def site(*, actor: Actor) -> tuple[Check, ...]:
    """Check database, migrations, static files, space and clock here. Raises Forbidden."""
    _authorize(actor)
    return (*_database(), _static_files(), _home_space(), _clock())


def _database() -> tuple[Check, ...]:
    title = _("Database")
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        advice = _("Look whether the database is there and may be written: %(where)s.") % {
            "where": connection.settings_dict["NAME"]
        }
        return (Check("database", title, False, str(error), advice),)
    answers = Check(
        "database", title, True, _("It answers (%(kind)s).") % {"kind": connection.vendor}
    )
    missing = Check(
        "migrations",
        _("Database migrations"),
        not plan,
        _("%(count)s are missing.") % {"count": len(plan)} if plan else _("All are applied."),
        _("Run “manage.py migrate”.") if plan else "",
    )
    return answers, missing


def _static_files() -> Check:
    folders = [Path(folder) for folder in settings.STATICFILES_DIRS]
    missing = [kind for kind in ("css", "js") if not _holds(folders, kind)]
    return Check(
        "static",
        _("Static files"),
        not missing,
        _("The pages have no style or script yet.") if missing else _("They are built."),
        _("Run “script/server”, or “script/assets”, which builds them.") if missing else "",
    )


def _holds(folders: list[Path], suffix: str) -> bool:
    return any(next(folder.rglob(f"*.{suffix}"), None) for folder in folders if folder.is_dir())


def _home_space() -> Check:
    home, title = Path(settings.KVMWEB.home), _("Space for kvmweb's own data")
    if not os.access(home, os.W_OK):
        detail = _("%(path)s cannot be written.") % {"path": home}
        return Check("home-space", title, False, detail, _("Give it to the user who runs kvmweb."))
    free = shutil.disk_usage(home).free
    is_ok = free >= MIN_HOME_BYTES
    detail = _("%(free)s are free in %(path)s.") % {"free": messages.size(free), "path": home}
    advice = _("Free some space there, or set KVMWEB_HOME to a larger disk.")
    return Check("home-space", title, is_ok, detail, "" if is_ok else advice)


def _clock() -> Check:
    now = timezone.now()
    try:
        latest = AuditEntry.objects.order_by("-id").values_list("at", flat=True).first()
    except DatabaseError:
        latest = None
    is_ok = now > RELEASED and (latest is None or now > latest - timedelta(minutes=1))
    return Check(
        "clock",
        _("Clock"),
        is_ok,
        _("It is %(now)s UTC.") % {"now": now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")},
        "" if is_ok else _("The clock went back or was never set: switch on NTP (timedatectl)."),
        is_essential=False,
    )


# A host --------------------------------------------------------------------------------------


def probe(*, actor: Actor, host: Host) -> tuple[Check, ...]:
    """Ask the host now and judge what it says; slow where it is away. Raises Forbidden."""
    _authorize(actor)
    return judge(_ask(host))


def last_seen(*, actor: Actor, host: Host) -> tuple[Check, ...]:
    """Judge the host from what was last seen of it; it is not asked. Raises Forbidden."""
    _authorize(actor)
    return judge(_recall(host))


def _ask(host: Host) -> Findings:
    link = hosts.connection(host)
    try:
        facts = asdict(nodes.facts(link))
        pools = {
            pool.name: Room(pool.state is PoolState.ACTIVE, pool.available_bytes)
            for pool in storage.list_pools(link)
        }
        nets = {network.name: network.is_active for network in networks.list_all(link)}
    except HypervisorError as error:
        return Findings(host.uri, error_code=error.code, error_detail=detail_of(error))
    return Findings(host.uri, facts=facts, pools=pools, networks=nets)


def _recall(host: Host) -> Findings:
    if host.status != HostStatus.CONNECTED:
        code = host.status_code or "host-away"
        return Findings(host.uri, error_code=code, error_detail=host.status_detail)
    pools = {
        pool.name: Room(pool.is_active, pool.available_bytes)
        for pool in Pool.objects.filter(host=host)
    }
    nets = dict(Network.objects.filter(host=host).values_list("name", "is_active"))
    return Findings(host.uri, facts=host.facts, pools=pools, networks=nets)


def detail_of(error: HypervisorError) -> str:
    """Return libvirt's own words in an error, "" where there are none."""
    return str(error.params.get("reason") or error.params.get("detail") or "")


def away_reason(code: str, detail: str) -> str:
    """Say why a host is away, from the code and libvirt's own words."""
    if code == "host-timeout":
        return _("It did not answer in time.")
    if detail:
        return _("It cannot be reached: %(detail)s.") % {"detail": detail.rstrip(".")}
    return _("It cannot be reached.")


def judge(findings: Findings) -> tuple[Check, ...]:
    """Turn what was found into checks; a host that does not answer has only the first ones."""
    reachable = _libvirt(findings)
    local = (_virtlogd(), *_kvm_device()) if _is_local_system(findings.uri) else ()
    if findings.error_code:
        return (reachable, *local)
    if findings.facts.get("accelerator") == Accelerator.TEST:
        return (reachable, *local, _accelerator(findings.facts))
    return (
        reachable,
        *local,
        _qemu(findings.facts),
        _accelerator(findings.facts),
        _pool(findings.pools),
        _network(findings.networks),
    )


def _is_local_system(uri: str) -> bool:
    parts = urlsplit(uri)
    return parts.scheme == "qemu" and not parts.hostname and parts.path == "/system"


def _libvirt(findings: Findings) -> Check:
    title = _("libvirt at %(uri)s") % {"uri": findings.uri}
    if findings.error_code:
        reason = away_reason(findings.error_code, findings.error_detail)
        return Check("libvirt", title, False, reason, _libvirt_advice(findings.uri))
    version = findings.facts.get("libvirt_version", "")
    return Check(
        "libvirt", title, True, _("It answers, version %(version)s.") % {"version": version}
    )


def _libvirt_advice(uri: str) -> str:
    if not _is_local_system(uri):
        return _("See that “virsh -c %(uri)s list” works here.") % {"uri": uri}
    return _(
        "Start libvirtd (systemctl start libvirtd, or libvirtd -d) and see that this user is in "
        "the group libvirt."
    )


def _virtlogd() -> Check:
    title, advice = _("virtlogd"), _("Start it: systemctl start virtlogd.socket, or virtlogd -d.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe_socket:
        probe_socket.settimeout(VIRTLOGD_TIMEOUT_S)
        try:
            probe_socket.connect(str(VIRTLOGD_SOCKET))
        except PermissionError:
            detail = _("Its socket is there; this user may not try it, which is usual.")
            return Check("virtlogd", title, True, detail)
        except OSError:
            detail = _("It does not answer; guests with a serial log cannot start.")
            return Check("virtlogd", title, False, detail, advice)
    return Check("virtlogd", title, True, _("It answers."))


def _kvm_device() -> tuple[Check, ...]:
    if not capabilities.is_kvm_device_shut(capabilities.KVM_DEVICE):
        return ()
    device = {"device": capabilities.KVM_DEVICE}
    detail = _(
        "QEMU's user may not open %(device)s, so libvirt asks QEMU anew what it can do at every "
        "question, which takes seconds."
    )
    advice = _("Give it to the group kvm: chgrp kvm %(device)s; chmod 660 %(device)s.")
    title = _("KVM device")
    return (Check("kvm-device", title, False, detail % device, advice % device, False),)


def _qemu(facts: Mapping[str, object]) -> Check:
    version = str(facts.get("hypervisor_version", ""))
    is_ok = _numbers(version) >= MIN_QEMU
    wanted = ".".join(str(number) for number in MIN_QEMU)
    detail = _("Version %(version)s.") % {"version": version or "?"}
    advice = "" if is_ok else _("Version %(wanted)s or later is needed.") % {"wanted": wanted}
    return Check("qemu", "QEMU", is_ok, detail, advice)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(int(part) for part in parts if part.isdigit())


def _accelerator(facts: Mapping[str, object]) -> Check:
    kind = str(facts.get("accelerator", "?"))
    reason = messages.accelerator_reason(str(facts.get("accelerator_reason", "")))
    is_ok = kind == Accelerator.KVM
    title = _("Accelerator: %(kind)s") % {"kind": kind}
    advice = "" if is_ok else _("“virt-host-validate qemu” tells more.")
    return Check("accelerator", title, is_ok, reason, advice, is_essential=False)


def _pool(pools: Mapping[str, Room]) -> Check:
    name = settings.KVMWEB.pool
    title, room = _("Storage pool “%(name)s”") % {"name": name}, pools.get(name)
    if room is None:
        advice = _(
            "Start “script/server” once, which makes it, or set KVMWEB_POOL to one of yours."
        )
        return Check("pool", title, False, _("There is none on the host."), advice)
    if not room.is_active:
        advice = _("Start it: virsh pool-start %(name)s.") % {"name": name}
        return Check("pool", title, False, _("It is not started."), advice)
    is_ok = room.available_bytes >= MIN_POOL_BYTES
    detail = _("%(free)s are free.") % {"free": messages.size(room.available_bytes)}
    advice = _("Delete what is not needed, or set KVMWEB_POOL to a larger pool.")
    return Check("pool", title, is_ok, detail, "" if is_ok else advice)


def _network(nets: Mapping[str, bool]) -> Check:
    name = settings.KVMWEB.network
    title = _("Network “%(name)s”") % {"name": name}
    if nets.get(name):
        return Check("network", title, True, _("It is started."))
    if name in nets:
        advice = _("Start it: virsh net-start %(name)s.") % {"name": name}
        return Check("network", title, False, _("It is not started."), advice)
    advice = _(
        "Make one (virsh net-define /usr/share/libvirt/networks/default.xml), or set "
        "KVMWEB_NETWORK to one of yours."
    )
    return Check("network", title, False, _("There is none on the host."), advice)
