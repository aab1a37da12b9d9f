"""libvirt's errors as ours: decided by code and errno, never by the words, which are localised."""

from __future__ import annotations

import errno
import os

import libvirt

from .errors import (
    DomainNotFound,
    HostAway,
    HypervisorError,
    InvalidConfig,
    NameTaken,
    NetworkNotFound,
    NoSpace,
    OperationFailed,
    PoolNotFound,
    Unsupported,
    VolumeExists,
    VolumeNotFound,
    WrongState,
)

_NOT_FOUND_AND_TAKEN: dict[int, tuple[type[HypervisorError], tuple[str, ...]]] = {
    libvirt.VIR_ERR_NO_DOMAIN: (DomainNotFound, ("uuid",)),
    libvirt.VIR_ERR_DOM_EXIST: (NameTaken, ("name",)),
    libvirt.VIR_ERR_NO_STORAGE_POOL: (PoolNotFound, ("name",)),
    libvirt.VIR_ERR_NO_STORAGE_VOL: (VolumeNotFound, ("pool", "name")),
    libvirt.VIR_ERR_STORAGE_VOL_EXIST: (VolumeExists, ("pool", "name")),
    libvirt.VIR_ERR_NO_NETWORK: (NetworkNotFound, ("name",)),
}
_UNSUPPORTED = frozenset(
    {
        libvirt.VIR_ERR_NO_SUPPORT,
        libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
        libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED,
        libvirt.VIR_ERR_DEVICE_MISSING,
    }
)
_INVALID = frozenset(
    {
        libvirt.VIR_ERR_XML_ERROR,
        libvirt.VIR_ERR_XML_DETAIL,
        libvirt.VIR_ERR_XML_INVALID_SCHEMA,
        libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
        libvirt.VIR_ERR_INVALID_ARG,
    }
)
_AWAY = frozenset(
    {
        libvirt.VIR_ERR_NO_CONNECT,
        libvirt.VIR_ERR_INVALID_CONN,
        libvirt.VIR_ERR_AUTH_FAILED,
        libvirt.VIR_ERR_AUTH_CANCELLED,
        libvirt.VIR_ERR_AUTH_UNAVAILABLE,
    }
)


def translate(error: libvirt.libvirtError, **context: str) -> HypervisorError:
    """Return the typed error for `error`. `context` names what the call was about.

    Keys used: uuid (domain), name (volume or network), pool, what (for Unsupported).
    """
    code = error.get_error_code()
    detail = error.get_error_message() or str(error)
    if code in _NOT_FOUND_AND_TAKEN:
        kind, keys = _NOT_FOUND_AND_TAKEN[code]
        if kind is PoolNotFound:
            return PoolNotFound(name=context.get("pool", ""))
        return kind(**{key: context.get(key, "") for key in keys})
    if _is_no_space(error):
        return NoSpace(name=context.get("pool", ""), detail=detail)
    if code == libvirt.VIR_ERR_OPERATION_INVALID:
        # Of storage it says this for an ill-chosen file name as well as for a volume in use.
        is_storage = error.get_error_domain() == libvirt.VIR_FROM_STORAGE
        return OperationFailed(detail=detail) if is_storage else WrongState(detail=detail)
    if code in _UNSUPPORTED:
        return Unsupported(what=context.get("what", detail))
    if code in _INVALID:
        return InvalidConfig(detail=detail)
    if code in _AWAY:
        return HostAway(reason=detail)
    return OperationFailed(detail=detail)


def _is_no_space(error: libvirt.libvirtError) -> bool:
    if error.get_error_code() == libvirt.VIR_ERR_SYSTEM_ERROR:
        return error.get_int1() in (errno.ENOSPC, errno.EDQUOT)
    # Of a program that libvirt ran, such as qemu-img, nothing but its words is left.
    is_of_storage = error.get_error_domain() in (libvirt.VIR_FROM_STORAGE, libvirt.VIR_FROM_NONE)
    return is_of_storage and os.strerror(errno.ENOSPC) in (error.get_error_message() or "")
