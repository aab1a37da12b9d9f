"""What a guest is told by cloud-init: checking it, keeping it, making its seed.

A password is hashed before anything is kept. What was refused is kept nowhere.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from pydantic import TypeAdapter

from vms.hypervisor import clouddoc, cloudinit
from vms.hypervisor.cloudinit import NicAddress, Seed
from vms.models import VM, CloudInit, Host, Template
from vms.problems import Problem
from vms.services import names, ssh_keys

MIN_PASSWORD = 8
MAX_PACKAGES = 100
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z", re.IGNORECASE)
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+:_=~-]{0,99}\Z")
_TIMEZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}\Z")
_LOCALE = re.compile(r"[A-Za-z]{1,8}(_[A-Z]{2})?(\.[A-Za-z0-9-]+)?(@[a-z]+)?\Z")


@dataclass(frozen=True, slots=True)
class AddressWish:
    """How one interface gets its addresses; all empty for DHCP. Texts as people type them."""

    addresses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    nameservers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CloudWish:
    """What a person wants a guest to be told. `password` is clear text and is never kept."""

    hostname: str = ""
    """"": made from the name of the guest."""
    user: str = ""
    password: str = field(default="", repr=False)
    ssh_keys: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    timezone: str = ""
    locale: str = ""
    nics: tuple[AddressWish, ...] = ()
    user_data: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is kept of a wish, beside the hash of its password."""

    hostname: str = ""
    user: str = ""
    ssh_keys: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    timezone: str = ""
    locale: str = ""
    nics: tuple[NicAddress, ...] = ()
    """One for each interface, with the MAC that it has."""
    user_data: str = ""
    is_windows: bool = False


_adapter = TypeAdapter(Settings)


def is_windows(template: Template | None) -> bool:
    """Say whether guests of the template read their seed with cloudbase-init."""
    return template is not None and "windows" in template.os_name.lower()


def problems(
    wish: CloudWish, *, has_password: bool = False, for_windows: bool = False
) -> dict[str, Problem]:
    """Check every field of a wish; `has_password` says that a hash of before stays."""
    errors: dict[str, Problem] = {}
    is_reachable = bool(wish.password or wish.ssh_keys or has_password)
    if wrong := names.user_problem(wish.user):
        errors["user"] = wrong
    elif is_reachable and not wish.user:
        errors["user"] = Problem("user-needed")
    if wish.hostname and not _is_hostname(wish.hostname):
        errors["hostname"] = Problem("hostname-rule")
    if wish.password and for_windows:
        errors["password"] = Problem("password-not-windows")
    elif wish.password and names.has_control_characters(wish.password):
        errors["password"] = Problem("password-control")
    elif 0 < len(wish.password) < MIN_PASSWORD:
        errors["password"] = Problem("password-too-short", limit=MIN_PASSWORD)
    try:
        ssh_keys.parse("\n".join(wish.ssh_keys))
    except Problem as problem:
        errors["ssh_keys"] = problem
    errors |= _words(wish)
    for index, nic in enumerate(wish.nics):
        for name, found in _nic_problems(nic):
            errors.setdefault(f"nics.{index}.{name}", found)
    return errors | document_problems(wish.user_data)


def document_problems(text: str) -> dict[str, Problem]:
    """Check a cloud-config document; the first fault is told, with its line."""
    for fault in clouddoc.faults(text):
        return {"user_data": Problem(fault.code, line=fault.line, **fault.params)}
    return {}


def _words(wish: CloudWish) -> dict[str, Problem]:
    errors: dict[str, Problem] = {}
    wrong = next((name for name in wish.packages if not _PACKAGE.match(name)), None)
    if wrong is not None:
        errors["packages"] = Problem("package-rule", name=wrong)
    elif len(wish.packages) > MAX_PACKAGES:
        errors["packages"] = Problem("too-many-packages", limit=MAX_PACKAGES)
    if wish.timezone and not _TIMEZONE.match(wish.timezone):
        errors["timezone"] = Problem("timezone-rule")
    if wish.locale and not _LOCALE.match(wish.locale):
        errors["locale"] = Problem("locale-rule")
    return errors


def _is_hostname(name: str) -> bool:
    return len(name) <= 253 and all(_LABEL.match(label) for label in name.split("."))


def _nic_problems(nic: AddressWish) -> Iterator[tuple[str, Problem]]:
    networks = []
    for text in nic.addresses:
        try:
            if "/" not in text:
                raise ValueError(text)
            networks.append(ipaddress.ip_interface(text).network)
        except ValueError:
            yield "addresses", Problem("address-rule", name=text)
    for text in nic.gateways:
        try:
            gateway = ipaddress.ip_address(text)
        except ValueError:
            yield "gateways", Problem("ip-rule", name=text)
            continue
        if not any(gateway in network for network in networks):
            yield "gateways", Problem("gateway-outside", name=text)
    for text in nic.nameservers:
        try:
            ipaddress.ip_address(text)
        except ValueError:
            yield "nameservers", Problem("ip-rule", name=text)


def account(wish: CloudWish, proposed: str) -> str:
    """The account that cloud-init makes: none without a way to log in to it (ADR 3)."""
    if not (wish.password or wish.ssh_keys):
        return ""
    return wish.user or proposed


def keep(vm: VM, wish: CloudWish, macs: tuple[str, ...]) -> CloudInit:
    """Write what a new guest is to be told; call inside the transaction that makes its row."""
    row = CloudInit(vm=vm, values=_plain(wish, macs, for_windows=is_windows(vm.template)))
    row.password_hash = cloudinit.hash_password(wish.password) if wish.password else ""
    row.save()
    return row


def rewrite(row: CloudInit, wish: CloudWish, *, macs: tuple[str, ...]) -> None:
    """Set another wish on what was kept, which the caller saves once the host has it.

    A password is changed only where one is given; without an account there is none.
    """
    row.values = _plain(wish, macs, for_windows=reads_windows(row))
    if wish.password:
        row.password_hash = cloudinit.hash_password(wish.password)
    if not wish.user:
        row.password_hash = ""
    row.generation += 1


def reads_windows(row: CloudInit) -> bool:
    """Say whether the guest of the row is Windows; its template may be gone since."""
    return settings_of(row).is_windows or is_windows(row.vm.template)


def _plain(
    wish: CloudWish, macs: tuple[str, ...], *, for_windows: bool = False
) -> dict[str, object]:
    nothing = AddressWish()
    wished = dict(enumerate(wish.nics))
    nics = tuple(
        NicAddress(mac, **asdict(wished.get(index, nothing))) for index, mac in enumerate(macs)
    )
    kept = Settings(
        hostname=wish.hostname,
        user=wish.user,
        ssh_keys=tuple(ssh_keys.parse("\n".join(wish.ssh_keys))),
        packages=wish.packages,
        timezone=wish.timezone,
        locale=wish.locale,
        nics=nics,
        user_data=wish.user_data,
        is_windows=for_windows,
    )
    plain: dict[str, object] = _adapter.dump_python(kept, mode="json")
    return plain


def settings_of(row: CloudInit) -> Settings:
    """Return what is kept."""
    return _adapter.validate_python(row.values)


def wish_of(row: CloudInit) -> CloudWish:
    """Return what is kept as the wish that it came from, without its password."""
    kept = settings_of(row)
    return CloudWish(
        hostname=kept.hostname,
        user=kept.user,
        ssh_keys=kept.ssh_keys,
        packages=kept.packages,
        timezone=kept.timezone,
        locale=kept.locale,
        nics=tuple(AddressWish(n.addresses, n.gateways, n.nameservers) for n in kept.nics),
        user_data=kept.user_data,
    )


def seed_of(row: CloudInit, vm: VM) -> Seed:
    """Return the seed that says what is kept."""
    return _seed(settings_of(row), vm, row.password_hash, row.generation)


def _seed(kept: Settings, vm: VM, password_hash: str, generation: int) -> Seed:
    own = str(vm.domain_uuid)
    return Seed(
        instance_id=own if generation == 1 else f"{own}-{generation}",
        hostname=kept.hostname or cloudinit.hostname(vm.name),
        user=kept.user,
        password_hash=password_hash,
        ssh_keys=kept.ssh_keys,
        packages=kept.packages,
        timezone=kept.timezone,
        locale=kept.locale,
        nics=kept.nics,
        extra=clouddoc.read(kept.user_data),
        is_windows=kept.is_windows,
    )


def preview(wish: CloudWish, name: str) -> str:
    """Return the document as the guest would read it, a password only as a mark.

    Call with a wish that has no problems.
    """
    kept = _adapter.validate_python(_plain(wish, ()))
    mark = "(its hash)" if wish.password else ""
    return cloudinit.user_document(_seed(kept, VM(name=name), mark, 1))


def new_macs(host: Host, count: int) -> tuple[str, ...]:
    """Return addresses in QEMU's range that no guest of the host was seen with."""
    seen = {
        mac.lower()
        for macs in VM.objects.filter(host=host).values_list("macs", flat=True)
        for mac in macs
    }
    found: list[str] = []
    while len(found) < count:
        mac = "52:54:00:" + ":".join(f"{byte:02x}" for byte in secrets.token_bytes(3))
        if mac not in seen:
            seen.add(mac)
            found.append(mac)
    return tuple(found)
