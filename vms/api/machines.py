"""The parts of templates and of cloud-init in the API: what is asked for and what is answered.

The pieces of a machine are the frozen dataclasses of the hypervisor package: one definition.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from ninja import Field
from pydantic import BaseModel, SecretStr, StringConstraints

from vms.api.inputs import Flag, Input, Line, MemoryMib, Secret, SizeBytes, Text, Vcpus
from vms.hypervisor.blueprint import CloudPlan, DiskPlan, NicPlan, SourceKind
from vms.hypervisor.hardware import Hardware
from vms.services.cloud import AddressWish, CloudWish

Document = Annotated[str, StringConstraints(max_length=70_000)]


class TemplateParts(Input):
    """The machine in parts; a part that is null says nothing."""

    hardware: Hardware | None = None
    disks: list[DiskPlan] | None = Field(
        None, max_length=64, description="All disks, in order; takes the place of disk_bytes."
    )
    nics: list[NicPlan] | None = Field(
        None, max_length=64, description="All interfaces; takes the place of network_name."
    )
    cloud_init: CloudPlan | None = Field(
        None, description="Takes the place of has_cloud_init and default_user."
    )


class TemplateCreate(TemplateParts):
    """A template to be made."""

    image_id: UUID | None = Field(
        None, description="A disk image, or an ISO for an installer; null to boot from the network."
    )
    host_id: UUID | None = Field(None, description="Where guests boot from the network.")
    source: SourceKind = SourceKind.IMAGE
    name: Line
    description: Text = ""
    os_name: Line = ""
    vcpus: Vcpus = 1
    memory_mib: MemoryMib = 1024
    disk_bytes: SizeBytes = Field(0, description="0 stands for the size of the image.")
    network_name: Line = Field("", description="Network of the first interface; empty for none.")
    has_cloud_init: Flag = True
    default_user: Line = ""


class TemplateChange(TemplateParts):
    """What is to be different; a field that is left out or null stays as it is."""

    image_id: UUID | None = Field(
        None, description="Another image for new guests; those that were made keep theirs."
    )
    name: Line | None = None
    description: Text | None = None
    os_name: Line | None = None
    vcpus: Vcpus | None = None
    memory_mib: MemoryMib | None = None
    disk_bytes: SizeBytes | None = None
    network_name: Line | None = None
    has_cloud_init: Flag | None = None
    default_user: Line | None = None


class TemplateFromGuest(Input):
    """A template to be made of a guest that is off."""

    name: Line
    description: Text = ""
    pool: Line = Field("", description="Where the copies go; empty: beside the disks.")
    is_cleaned: Flag = Field(
        False, description="Take out the identity of the guest with virt-sysprep."
    )


class VersionInfo(BaseModel):
    """What a template was from one change to the next."""

    number: int
    at: datetime
    author: str
    image: str
    changed: list[str] = Field(description="What differs from the version before.")
    guests: int = Field(description="How many guests of today were made from it.")


class AddressesInput(Input):
    """How one interface gets its addresses; all empty for DHCP."""

    addresses: list[Line] = Field(default_factory=list, max_length=16)
    gateways: list[Line] = Field(default_factory=list, max_length=4)
    nameservers: list[Line] = Field(default_factory=list, max_length=8)

    def wish(self) -> AddressWish:
        """Return it as the service takes it."""
        return AddressWish(tuple(self.addresses), tuple(self.gateways), tuple(self.nameservers))


class VmCreate(Input):
    """A guest to be made from a template; what is left out comes from the template."""

    template_id: UUID
    name: Line = Field("", description="Proposed by the server when empty.")
    description: Text = ""
    vcpus: Vcpus | None = None
    memory_mib: MemoryMib | None = None
    disk_bytes: SizeBytes | None = Field(None, description="Size of the first disk.")
    more_disk_bytes: list[SizeBytes | None] = Field(
        default_factory=list, max_length=64, description="Sizes of the other disks, in order."
    )
    user: Line = Field("", description="Account that cloud-init makes in the guest.")
    password: Secret = Field(
        SecretStr(""), description="Its password; only a hash leaves the server."
    )
    ssh_keys: list[Text] = Field(default_factory=list, max_length=50)
    hostname: Line = Field("", description="Empty: made from the name of the guest.")
    packages: list[Line] | None = Field(None, max_length=200)
    timezone: Line | None = None
    locale: Line | None = None
    addresses: list[AddressesInput] = Field(
        default_factory=list, max_length=64, description="Of each interface, in order."
    )
    user_data: Document | None = Field(
        None, description="More cloud-config as YAML, laid over the rest."
    )
    is_started: Flag = Field(True, description="Start the guest when it is made.")
    network_name: Line | None = Field(
        None, description="One of the template's limits.networks; null for the template's own."
    )


class CloudInitChange(Input):
    """All that a guest is told at its next boot, as if it were new."""

    hostname: Line = Field("", description="Empty: made from the name of the guest.")
    user: Line = ""
    password: Secret = Field(SecretStr(""), description="Empty: the one of before stays.")
    ssh_keys: list[Text] = Field(default_factory=list, max_length=50)
    packages: list[Line] = Field(default_factory=list, max_length=200)
    timezone: Line = ""
    locale: Line = ""
    nics: list[AddressesInput] = Field(default_factory=list, max_length=64)
    user_data: Document = Field("", description="More cloud-config as YAML, laid over the rest.")

    def wish(self) -> CloudWish:
        """Return it as the service takes it."""
        return CloudWish(
            hostname=self.hostname,
            user=self.user,
            password=self.password.get_secret_value(),
            ssh_keys=tuple(self.ssh_keys),
            packages=tuple(self.packages),
            timezone=self.timezone,
            locale=self.locale,
            nics=tuple(nic.wish() for nic in self.nics),
            user_data=self.user_data,
        )


class AddressesInfo(BaseModel):
    """How one interface gets its addresses; all empty for DHCP."""

    mac: str
    addresses: list[str]
    gateways: list[str]
    nameservers: list[str]


class CloudInitInfo(BaseModel):
    """What a guest is told; its password is never answered."""

    has_seed: bool = Field(description="The guest has a disk with it.")
    has_password: bool
    generation: int = Field(description="Grows with each change.")
    hostname: str
    user: str
    ssh_keys: list[str]
    packages: list[str]
    timezone: str
    locale: str
    nics: list[AddressesInfo]
    user_data: str
