"""What can go wrong on a host, as typed errors; sentences are made in vms/messages.py."""

from __future__ import annotations


class HypervisorError(Exception):
    """A host refused or failed.

    `code` names the kind, `params` fill the sentence, `retryable` says whether the same call may
    work later.
    """

    code = "host-error"
    retryable = False

    def __init__(self, **params: str | int) -> None:
        self.params = params
        super().__init__(f"{self.code} {params}" if params else self.code)


class HostAway(HypervisorError):
    """There is no connection: refused, closed, or still being opened. params: reason."""

    code = "host-away"
    retryable = True


class HostTimeout(HypervisorError):
    """The host did not answer in time; the call may still end there. params: timeout_s."""

    code = "host-timeout"
    retryable = True


class StorageSilent(HostTimeout):
    """A pool does not answer, and libvirt lists none and finds no path until it does."""

    code = "storage-silent"


class HostBusy(HypervisorError):
    """Every thread of the lane is taken by calls that do not return."""

    code = "host-busy"
    retryable = True


class DomainNotFound(HypervisorError):
    """No such domain on the host. params: uuid."""

    code = "domain-not-found"


class PoolNotFound(HypervisorError):
    """No such pool. params: name."""

    code = "pool-not-found"


class PoolInactive(HypervisorError):
    """The pool exists but is not started. params: name."""

    code = "pool-inactive"


class VolumeNotFound(HypervisorError):
    """No such volume. params: pool, name."""

    code = "volume-not-found"


class VolumeExists(HypervisorError):
    """A volume of that name is there already. params: pool, name."""

    code = "volume-exists"


class NetworkNotFound(HypervisorError):
    """No such network. params: name."""

    code = "network-not-found"


class NameTaken(HypervisorError):
    """A domain of that name exists. params: name."""

    code = "name-taken"


class NoSpace(HypervisorError):
    """The pool is too small for what was asked. params: name (and detail, missing_bytes: so much
    more would have been enough).
    """

    code = "no-space"


class InvalidConfig(HypervisorError):
    """libvirt refused the definition. params: detail (libvirt's own words)."""

    code = "invalid-config"


class WrongState(HypervisorError):
    """The domain's state does not allow it. params: detail."""

    code = "wrong-state"


class Unsupported(HypervisorError):
    """This driver or this device cannot do it. params: what."""

    code = "unsupported"


class SerialBusy(HypervisorError):
    """Somebody else has opened the serial device, such as `virsh console`; it takes one."""

    code = "console-serial-busy"


class Cancelled(HypervisorError):
    """The caller gave up in the middle; what was half made is gone."""

    code = "cancelled"


class OperationFailed(HypervisorError):
    """Anything else that libvirt says. params: detail (libvirt's own words)."""

    code = "operation-failed"
