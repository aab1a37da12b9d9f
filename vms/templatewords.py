"""The words about templates and cloud-init; vms/messages.py hands them out with its own."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

Text = str | Promise

SENTENCES: dict[str, Text] = {
    "image-is-no-iso": lazy("An installer is an ISO; this is a disk image."),
    "template-unreadable": lazy(
        "It was written by a newer version of kvmweb and cannot be read by this one."
    ),
    "topology-product": lazy(
        "Sockets, cores and threads make %(product)s CPUs, but there are %(vcpus)s."
    ),
    "machine-not-offered": lazy("This host has no machine “%(name)s”."),
    "no-fastest": lazy("This host offers no processor at all."),
    "no-host-passthrough": lazy(
        "This host emulates processors (no KVM), so its own cannot be passed through."
    ),
    "no-host-model": lazy("This host cannot describe its own processor to guests."),
    "no-named": lazy("This host offers no processors by name."),
    "cpu-not-offered": lazy("This host cannot provide the processor “%(name)s”."),
    "no-bios": lazy("This host has no BIOS for guests."),
    "no-uefi": lazy("This host has no UEFI for guests; install the package ovmf there."),
    "no-secure-boot": lazy(
        "This host has no UEFI with secure boot; install the package ovmf there."
    ),
    "secure-boot-needs-q35": lazy("Secure boot works on the machine q35 only."),
    "no-tpm": lazy("This host has no software TPM; install the packages swtpm and swtpm-tools."),
    "video-not-offered": lazy("This host has no graphics card “%(name)s” for guests."),
    "too-many-disks": lazy("At most %(limit)s disks."),
    "too-many-nics": lazy("At most %(limit)s network interfaces."),
    "disk-needed": lazy("A template of a disk image needs at least one disk."),
    "first-disk-from-image": lazy("The first disk starts as the image."),
    "disk-has-no-source": lazy("There is nothing that this disk could start as; make it blank."),
    "disk-under-source": lazy("It is smaller than “%(name)s”, which it starts as."),
    "linked-needs-qcow2": lazy("A thin layer over an image is possible in the format qcow2 only."),
    "password-not-windows": lazy(
        "Windows cannot use the hash of a password, and no other is kept. Leave it empty and give "
        "an SSH key; the account gets a password by chance, which an administrator changes inside."
    ),
    "pool-needs-raw": lazy("Volumes of the pool “%(name)s” are devices: their format is raw."),
    "ide-needs-pc": lazy("IDE exists on the machine pc only; take SATA."),
    "seed-needs-disk": lazy(
        "Without a disk there is no pool for the cloud-init seed; add one, or leave cloud-init out."
    ),
    "network-needed": lazy("To boot from the network a guest needs an interface."),
    "sysprep-missing": lazy(
        "virt-sysprep is not installed on this machine; install the package libguestfs-tools."
    ),
    "sysprep-remote": lazy("virt-sysprep can clean disks of this machine only."),
    "hostname-rule": lazy(
        "A host name holds letters, digits and “-”, in parts of at most 63 with dots between them."
    ),
    "package-rule": lazy("“%(name)s” is no name of a package."),
    "too-many-packages": lazy("At most %(limit)s packages."),
    "timezone-rule": lazy("A time zone looks like “Europe/Berlin” or “UTC”."),
    "locale-rule": lazy("A locale looks like “de_DE.UTF-8”."),
    "address-rule": lazy(
        "“%(name)s” is no address with its prefix length; it should look like “192.0.2.7/24”."
    ),
    "ip-rule": lazy("“%(name)s” is no IP address."),
    "gateway-outside": lazy("“%(name)s” is in none of the networks of these addresses."),
    "seed-gone": lazy(
        "The cloud-init disk of this guest is not in its pool any more. Remove it here while the "
        "guest is off, then save again."
    ),
    "yaml-too-large": lazy("At most %(limit)s KiB."),
    "yaml-other-kind": lazy("Only cloud-config (YAML) is taken here, no script and no archive."),
    "yaml-no-mapping": lazy("Line %(line)s: cloud-config is a mapping, “key: value”."),
    "yaml-syntax": lazy("Line %(line)s: %(detail)s."),
    "yaml-twice": lazy("Line %(line)s: “%(name)s” stands here a second time."),
    "yaml-unusable": lazy("This is nested too deeply, or holds more or other than can be used."),
    "yaml-clear-password": lazy(
        "Line %(line)s: a password in clear text (“%(name)s”) is not kept. Type it into the field "
        "for the password, or put its hash here."
    ),
}

JOB_KINDS: dict[str, Text] = {"copy-template": lazy("Make template of guest")}
STEPS: dict[str, Text] = {
    "copy-disks": lazy("copying the disks"),
    "clean": lazy("taking out the identity of the guest"),
    "template": lazy("making the template"),
}
ACTIONS: dict[str, Text] = {
    "template.copy": lazy("Make template of guest"),
    "vm.cloud-init": lazy("Change cloud-init"),
}
