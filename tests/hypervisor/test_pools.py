"""Definitions of pools: what each kind needs, valid for libvirt, and never over another pool."""

from __future__ import annotations

import pytest

from vms.hypervisor import pools, storage
from vms.hypervisor.errors import InvalidConfig, NameTaken, PoolNotFound
from vms.hypervisor.storage_types import PoolKind, PoolSpec
from vms.hypervisor.types import PoolState
from vms.hypervisor.xml.build import pool_spec_xml
from vms.hypervisor.xml.tree import attribute, read, text_of

ODD = "ä <b>&\"' # %"
SPECS = {
    "dir": PoolSpec(ODD, PoolKind.DIR, path=f"/srv/{ODD}"),
    "fs": PoolSpec("fs", PoolKind.FS, path="/srv/fs", device="/dev/sdz1"),
    "netfs": PoolSpec("nfs", PoolKind.NETFS, "/srv/nfs", server="nas", export="/export/guests"),
    "logical": PoolSpec("lvm", PoolKind.LOGICAL, group="vg0"),
    "logical-new": PoolSpec("lvm2", PoolKind.LOGICAL, group="vg0", device="/dev/sdz"),
}
OTHERS = {
    "iscsi": "<source><host name='san'/><device path='iqn.2013-06.org.example:t'/></source>"
    "<target><path>/dev/disk/by-path</path></target>",
    "disk": "<source><device path='/dev/sdz'/><format type='gpt'/></source>"
    "<target><path>/dev</path></target>",
    "scsi": "<source><adapter type='scsi_host' name='host7'/></source>"
    "<target><path>/dev/disk/by-path</path></target>",
    "zfs": "<source><name>tank</name></source>",
    "rbd": "<source><name>guests</name><host name='mon' port='6789'/></source>",
    "gluster": "<source><host name='g'/><dir path='/'/><name>vol</name></source>",
    "mpath": "<target><path>/dev/mapper</path></target>",
}


@pytest.fixture
def made(host):
    """Names of pools that go when the test ends."""
    names: list[str] = []
    yield names
    for name in names:
        pools.undefine(host, name)


@pytest.mark.parametrize("name", SPECS)
def test_every_kind_that_has_a_form_is_valid_for_libvirt(host, made, name):
    spec = SPECS[name]
    made.append(spec.name)
    uuid = pools.define(host, spec)
    (info,) = [pool for pool in storage.list_pools(host) if pool.uuid == uuid]
    assert (info.name, info.kind, info.state) == (spec.name, spec.kind, PoolState.ACTIVE)
    assert info.has_autostart


@pytest.mark.parametrize("kind", OTHERS)
def test_every_other_kind_comes_as_xml_and_is_managed_like_the_rest(host, made, kind):
    name = f"other-{kind}"
    xml = f"<pool type='{kind}'><name>{name}</name>{OTHERS[kind]}</pool>"
    made.append(name)
    pools.define_xml(host, xml)
    pools.stop(host, name)
    pools.start(host, name)
    pools.set_autostart(host, name, is_on=False)
    (info,) = [pool for pool in storage.list_pools(host) if pool.name == name]
    assert (info.kind, info.state, info.has_autostart) == (kind, PoolState.ACTIVE, False)
    assert f'type="{kind}"' in pools.get_xml(host, name).replace("'", '"')


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "<pool",
        "<domain/>",
        "<pool type='dir'/>",
        "<pool type='nonsense'><name>x</name></pool>",
        "<pool type='dir'><name>x</name><target><path>/x</path></target><bogus/></pool>",
        "<!DOCTYPE p [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><pool type='dir'>&e;</pool>",
    ],
)
def test_what_libvirt_finds_invalid_is_not_kept(host, xml):
    before = storage.list_pools(host)
    with pytest.raises(InvalidConfig):
        pools.define_xml(host, xml)
    assert storage.list_pools(host) == before


def test_a_new_pool_never_changes_one_that_is_there(host, made):
    made.append("mine")
    uuid = pools.define(host, PoolSpec("mine", PoolKind.DIR, path="/srv/mine"))
    with pytest.raises(NameTaken):
        pools.define(host, PoolSpec("mine", PoolKind.DIR, path="/srv/other"))
    xml = "<pool type='dir'><name>new</name><uuid>{}</uuid><target><path>/n</path></target></pool>"
    with pytest.raises(NameTaken):
        pools.define_xml(host, xml.format(uuid.upper()))
    assert "/srv/mine" in pools.get_xml(host, "mine")


def test_verbs_of_a_pool_that_is_gone_say_so(host):
    for verb in (pools.start, pools.stop, pools.refresh, pools.undefine, pools.delete_with_data):
        with pytest.raises(PoolNotFound):
            verb(host, "no such pool")


def test_names_and_paths_with_odd_letters_stand_in_the_xml_as_they_are():
    root = read(pool_spec_xml(SPECS["dir"]))
    assert text_of(root, "name") == ODD
    assert text_of(root, "target/path") == f"/srv/{ODD}"


def test_a_share_names_its_server_and_folder():
    root = read(pool_spec_xml(SPECS["netfs"]))
    assert attribute(root, "source/host", "name") == "nas"
    assert attribute(root, "source/dir", "path") == "/export/guests"
    assert attribute(root, "source/format", "type") == "nfs"
