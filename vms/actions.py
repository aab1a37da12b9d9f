"""Everything that somebody may be allowed to do, by name; policy.py says to whom."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """Everything that is asked before it is done."""

    VM_VIEW = "vm.view"
    VM_CREATE = "vm.create"
    VM_POWER = "vm.power"
    VM_CONSOLE = "vm.console"
    """Use a console with keys and pointer."""
    VM_CONSOLE_VIEW = "vm.console-view"
    """Watch a console."""
    VM_CONSOLE_TAKE = "vm.console-take"
    """Take control of a console from whoever has it."""
    VM_EDIT = "vm.edit"
    VM_MEDIA = "vm.media"
    VM_DELETE = "vm.delete"
    VM_SHARE = "vm.share"
    VM_SET_OWNER = "vm.set-owner"
    VM_RECORD = "vm.record"
    VM_SET_RECORDING = "vm.set-recording"
    RECORDING_VIEW = "recording.view"
    RECORDING_DELETE = "recording.delete"
    SHARE_VIEW = "share.view"
    LINK_VIEW = "link.view"
    GROUP_VIEW = "group.view"
    GROUP_ADD_MEMBERS = "group.add-members"
    GROUP_MANAGE = "group.manage"
    LEASE_MANAGE = "lease.manage"
    QUOTA_VIEW = "quota.view"
    QUOTA_MANAGE = "quota.manage"
    TEMPLATE_VIEW = "template.view"
    TEMPLATE_INSPECT = "template.inspect"
    """Read its versions, and to whom it is granted."""
    TEMPLATE_CREATE = "template.create"
    TEMPLATE_MANAGE = "template.manage"
    IMAGE_VIEW = "image.view"
    IMAGE_MANAGE = "image.manage"
    IMAGE_ADD = "image.add"
    IMAGE_FETCH_URL = "image.fetch-url"
    """Let the server fetch an image from any address."""
    VOLUME_DOWNLOAD = "volume.download"
    POOL_VIEW = "pool.view"
    POOL_MANAGE = "pool.manage"
    VOLUME_MANAGE = "volume.manage"
    HOST_VIEW = "host.view"
    HOST_SET_CONSOLES = "host.set-consoles"
    NETWORK_VIEW = "network.view"
    JOB_VIEW = "job.view"
    JOB_CANCEL = "job.cancel"
    JOB_REPEAT = "job.repeat"
    PEOPLE_VIEW = "people.view"
    PEOPLE_MANAGE = "people.manage"
    AUDIT_VIEW = "audit.view"
    ACCOUNT_EDIT = "account.edit"
    PASSWORD_CHANGE = "password.change"  # noqa: S105 - an action's name


READING = frozenset(
    {
        Action.VM_VIEW,
        Action.VM_CONSOLE_VIEW,
        Action.RECORDING_VIEW,
        Action.SHARE_VIEW,
        Action.LINK_VIEW,
        Action.GROUP_VIEW,
        Action.QUOTA_VIEW,
        Action.TEMPLATE_VIEW,
        Action.TEMPLATE_INSPECT,
        Action.IMAGE_VIEW,
        Action.VOLUME_DOWNLOAD,
        Action.POOL_VIEW,
        Action.HOST_VIEW,
        Action.NETWORK_VIEW,
        Action.JOB_VIEW,
        Action.PEOPLE_VIEW,
        Action.AUDIT_VIEW,
    }
)
"""What changes nothing."""
