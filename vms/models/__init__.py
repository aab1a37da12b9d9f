"""Rows: fields, constraints and tiny pure properties. No calls to hosts, no signals, no `save()` of
our own.
"""

from vms.models.audit import AuditEntry, AuditPhase
from vms.models.cloudinit import CloudInit
from vms.models.gateway import Gateway, GatewayConsole
from vms.models.grant import TemplateGrant, TemplateLimits
from vms.models.group import Group, Membership
from vms.models.history import Average, RolledUp, Track
from vms.models.host import Host, HostStatus, Network, Pool, Volume
from vms.models.image import ImageOrigin, ImageSource, Upload
from vms.models.invitation import Invitation
from vms.models.job import Job, JobState
from vms.models.lease import Lease, LeaseRule
from vms.models.notice import Notice
from vms.models.quota import Quota, QuotaScope, Reservation
from vms.models.recording import Recording, RecordingPolicy, RecordingState
from vms.models.replay import Replay
from vms.models.rule import RoleRule
from vms.models.seat import ConsoleLink, Seat
from vms.models.share import Share, VmRole
from vms.models.sshkey import SshKey
from vms.models.template import Template, TemplateVersion
from vms.models.ticket import ApiToken, Ticket, TokenScope
from vms.models.user import Role, User
from vms.models.vm import VM

__all__ = [
    "VM",
    "ApiToken",
    "AuditEntry",
    "AuditPhase",
    "Average",
    "CloudInit",
    "ConsoleLink",
    "Gateway",
    "GatewayConsole",
    "Group",
    "Host",
    "HostStatus",
    "ImageOrigin",
    "ImageSource",
    "Invitation",
    "Job",
    "JobState",
    "Lease",
    "LeaseRule",
    "Membership",
    "Network",
    "Notice",
    "Pool",
    "Quota",
    "QuotaScope",
    "Recording",
    "RecordingPolicy",
    "RecordingState",
    "Replay",
    "Reservation",
    "Role",
    "RoleRule",
    "RolledUp",
    "Seat",
    "Share",
    "SshKey",
    "Template",
    "TemplateGrant",
    "TemplateLimits",
    "TemplateVersion",
    "Ticket",
    "TokenScope",
    "Track",
    "Upload",
    "User",
    "VmRole",
    "Volume",
]
