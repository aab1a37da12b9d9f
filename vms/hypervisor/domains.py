"""Domains of a host: list, power, define, undefine; the rest is handed on from its modules."""

from __future__ import annotations

import libvirt

from .connection import HostConnection, Lane
from .domain_edit import (
    add_disk,
    change_config,
    change_media,
    remove_disk,
    set_description,
    set_metadata,
)
from .domain_view import addresses, get_inactive_xml, screenshot
from .errors import (
    DomainNotFound,
    InvalidConfig,
    NameTaken,
    OperationFailed,
    Unsupported,
    WrongState,
)
from .lookup import exact_reason, find, has_name, reason_of, record, state, state_of, xml_of
from .types import Accelerator, DomainRecord, Verb, VmSpec, VmState
from .xml.build import domain_xml, platform_for

__all__ = [
    "add_disk",
    "addresses",
    "change_config",
    "change_media",
    "define",
    "destroy_if_active",
    "get",
    "get_inactive_xml",
    "list_all",
    "power",
    "remove_disk",
    "screenshot",
    "set_description",
    "set_metadata",
    "undefine",
]

LIST_TIMEOUT_S = 30.0
DEFINE_TIMEOUT_S = 30.0
START_TIMEOUT_S = 30.0
VDAGENT_LIBVIRT = 8_004_000
VDAGENT_QEMU = 10_001_000
"""Before this one a guest with a clipboard agent could be neither saved nor migrated."""

_FITTING = {
    Verb.START: frozenset({VmState.OFF, VmState.CRASHED}),
    Verb.SHUTDOWN: frozenset({VmState.RUNNING}),
    Verb.REBOOT: frozenset({VmState.RUNNING}),
    Verb.RESET: frozenset({VmState.RUNNING, VmState.PAUSED}),
    Verb.POWER_OFF: frozenset(
        {VmState.RUNNING, VmState.PAUSED, VmState.SHUTTING_DOWN, VmState.SUSPENDED}
    ),
    Verb.PAUSE: frozenset({VmState.RUNNING}),
    Verb.RESUME: frozenset({VmState.PAUSED, VmState.SUSPENDED}),
}


def list_all(host: HostConnection, *, timeout_s: float = LIST_TIMEOUT_S) -> list[DomainRecord]:
    """Return every domain, active or not. One that cannot be read has xml "".

    One that vanishes meanwhile is left out. Costs three calls and one for each domain.
    """
    return host.call(Lane.WATCH, _list, timeout_s=timeout_s)


def get(host: HostConnection, uuid: str, *, timeout_s: float | None = None) -> DomainRecord:
    """Return one domain. Raises DomainNotFound."""
    return host.call(
        Lane.WATCH,
        lambda conn: record(find(conn, uuid)),
        timeout_s=timeout_s,
        context={"uuid": uuid},
    )


def power(
    host: HostConnection, uuid: str, verb: Verb, *, timeout_s: float = START_TIMEOUT_S
) -> None:
    """Do `verb`. Returns when libvirt has accepted it: a guest may take its time to shut down.

    Raises WrongState where the state does not allow it, DomainNotFound, Unsupported,
    OperationFailed.
    """
    try:
        host.call(
            Lane.VERBS,
            lambda conn: _do(find(conn, uuid), verb),
            timeout_s=timeout_s,
            context={"uuid": uuid, "what": verb.value},
        )
    except OperationFailed as error:
        # Drivers differ in the code they use for a wrong state; the state itself does not lie.
        if get(host, uuid).state in _FITTING[verb]:
            raise
        raise WrongState(detail=str(error.params.get("detail", ""))) from error


def define(
    host: HostConnection, spec: VmSpec, *, timeout_s: float = DEFINE_TIMEOUT_S
) -> DomainRecord:
    """Define a new guest, checked by libvirt against its schema. Nothing is started.

    Raises NameTaken, InvalidConfig, Unsupported.
    """
    has_vdagent = spec.accelerator is not Accelerator.TEST and host.call(Lane.VERBS, _has_vdagent)
    with_agent = domain_xml(spec, platform_for(spec, has_vdagent=has_vdagent))
    try:
        return _define(host, spec, with_agent, timeout_s)
    except (InvalidConfig, Unsupported) as error:
        if not has_vdagent:
            raise
        refused = error
    # A QEMU built without SPICE has no clipboard agent; libvirt tells only by refusing it.
    without = domain_xml(spec, platform_for(spec, has_vdagent=False))
    try:
        return _define(host, spec, without, timeout_s)
    except (InvalidConfig, Unsupported):
        raise refused from None


def undefine(host: HostConnection, uuid: str, *, timeout_s: float | None = None) -> None:
    """Forget the definition with its saved state, snapshot and checkpoint metadata and NVRAM.

    The disks stay. Fine if the domain is gone already. One that runs goes on until it stops.
    """
    try:
        host.call(
            Lane.VERBS,
            lambda conn: _undefine(find(conn, uuid)),
            timeout_s=timeout_s,
            context={"uuid": uuid},
        )
    except DomainNotFound:
        return


def destroy_if_active(host: HostConnection, uuid: str, *, timeout_s: float = 30.0) -> None:
    """Pull the plug if the domain runs; fine if it does not or is gone."""
    try:
        power(host, uuid, Verb.POWER_OFF, timeout_s=timeout_s)
    except (WrongState, DomainNotFound):
        return


def _list(conn: libvirt.virConnect) -> list[DomainRecord]:
    with_autostart = _uuids(conn, libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART)
    persistent = _uuids(conn, libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT)
    records = []
    for domain, facts in _states(conn):
        uuid = domain.UUIDString()
        try:
            xml = xml_of(domain)
        except libvirt.libvirtError:
            continue  # it went in between
        state_code = facts.get("state.state", libvirt.VIR_DOMAIN_NOSTATE)
        records.append(
            DomainRecord(
                uuid=uuid,
                name=domain.name(),
                state=state_of(state_code),
                state_reason=exact_reason(
                    domain, reason_of(state_code, facts.get("state.reason", 0))
                ),
                is_persistent=uuid in persistent,
                has_autostart=uuid in with_autostart,
                xml=xml,
            )
        )
    return records


def _states(conn: libvirt.virConnect) -> list[tuple[libvirt.virDomain, dict[str, int]]]:
    found: list[tuple[libvirt.virDomain, dict[str, int]]]
    found = conn.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE, 0)
    return found


def _uuids(conn: libvirt.virConnect, flag: int) -> frozenset[str]:
    return frozenset(domain.UUIDString() for domain in conn.listAllDomains(flag))


def _do(domain: libvirt.virDomain, verb: Verb) -> None:
    if verb is Verb.RESUME and state(domain) is VmState.SUSPENDED:
        domain.pMWakeup(0)
        return
    actions = {
        Verb.START: domain.create,
        Verb.SHUTDOWN: domain.shutdown,
        Verb.REBOOT: domain.reboot,
        Verb.RESET: domain.reset,
        Verb.POWER_OFF: domain.destroy,
        Verb.PAUSE: domain.suspend,
        Verb.RESUME: domain.resume,
    }
    actions[verb]()


def _has_vdagent(conn: libvirt.virConnect) -> bool:
    if conn.getType() != "QEMU" or conn.getLibVersion() < VDAGENT_LIBVIRT:
        return False
    return bool(conn.getVersion() >= VDAGENT_QEMU)


def _define(host: HostConnection, spec: VmSpec, xml: str, timeout_s: float) -> DomainRecord:
    def run(conn: libvirt.virConnect) -> DomainRecord:
        # A definition with a known UUID would replace that domain: a new guest never does.
        if has_name(conn, spec.name, but=""):
            raise NameTaken(name=spec.name)
        try:
            return record(conn.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE))
        except libvirt.libvirtError as error:
            if has_name(conn, spec.name, but=spec.uuid):
                raise NameTaken(name=spec.name) from error
            raise

    try:
        return host.call(Lane.VERBS, run, timeout_s=timeout_s, context={"name": spec.name})
    except OperationFailed as error:
        raise InvalidConfig(**error.params) from error


def _undefine(domain: libvirt.virDomain) -> None:
    flags = (
        libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
        | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
        | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
        | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    )
    try:
        domain.undefineFlags(flags)
    except libvirt.libvirtError as error:
        if error.get_error_code() not in (
            libvirt.VIR_ERR_INVALID_ARG,
            libvirt.VIR_ERR_NO_SUPPORT,
            libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED,
        ):
            raise
        domain.undefine()
