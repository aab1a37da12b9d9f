"""Guests whose screens do one thing, from a boot sector of a few bytes: hardly any CPU."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import libvirt

from tests.support.site import Site

SECTOR_BYTES = 512
DISK_BYTES = 1 << 23
"""SeaBIOS reads no disk of less than a cylinder."""
SET_UP = bytes.fromhex("b800b8 8ec0 fc fb")
"""mov ax, 0xb800; mov es, ax; cld; sti: the screen's text is at es:0."""
TICKING = SET_UP + bytes.fromhex("f4 31ff b91000 fec3 88d8 b40f f3ab ebf0")
"""hlt, then write the next sign sixteen times at the begin of the screen: 18 times in a second."""
ANSWERING = SET_UP + bytes.fromhex("30db 30e4 cd16 80f370 88dc b020 31ff b9d007 f3ab ebec")
"""Wait for a key (int 0x16), then fill the screen white or black in turn."""
GUEST = """
<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{disk}'/>
<target dev='vda' bus='virtio'/><readonly/><shareable/></disk>
<graphics type='vnc'>{listen}</graphics><video><model type='vga'/></video></devices></domain>
"""
NO_PORT = "<listen type='none'/>"
SOCKET = "<listen type='socket'/>"


@contextlib.contextmanager
def screens(
    site: Site, program: bytes, count: int, listen: str = NO_PORT
) -> Iterator[list[libvirt.virDomain]]:
    """Start so many guests with that program; they and its disk are gone at the end."""
    connection = libvirt.open("qemu:///system")
    started: list[libvirt.virDomain] = []
    try:
        disk = make_disk(connection, site.name, program)
        for number in range(count):
            xml = GUEST.format(name=f"{site.name} screen {number}", disk=disk, listen=listen)
            started.append(connection.createXML(xml, libvirt.VIR_DOMAIN_START_AUTODESTROY))
        yield started
    finally:
        for domain in started:
            with contextlib.suppress(libvirt.libvirtError):
                domain.destroy()
        connection.close()


def make_disk(connection: libvirt.virConnect, pool_name: str, program: bytes) -> str:
    """Put a disk with that boot sector into the site's pool, which goes with the site."""
    pool = connection.storagePoolLookupByName(pool_name)
    xml = (
        f"<volume><name>boot-{len(program)}.img</name>"
        f"<capacity>{DISK_BYTES}</capacity><target><format type='raw'/></target></volume>"
    )
    volume = pool.createXML(xml)
    sector = program.ljust(SECTOR_BYTES - 2, b"\0") + b"\x55\xaa"
    stream = connection.newStream()
    volume.upload(stream, 0, SECTOR_BYTES)
    stream.send(sector)
    stream.finish()
    return str(volume.path())
