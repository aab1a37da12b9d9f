"""Blueprints as they stand in the database."""

from __future__ import annotations

import json

import pytest

from vms.hypervisor.blueprint import (
    Blueprint,
    DiskOrigin,
    DiskPlan,
    NicPlan,
    UnreadableBlueprint,
    as_json,
    from_json,
    with_first_network,
)
from vms.hypervisor.hardware import DiskBus, Firmware, Hardware, NicModel, Topology

RICH = Blueprint(
    vcpus=4,
    hardware=Hardware(firmware=Firmware.SECURE_BOOT, topology=Topology(1, 2, 2), has_tpm=True),
    disks=(DiskPlan(), DiskPlan(origin=DiskOrigin.BLANK, size_bytes=5, bus=DiskBus.SCSI)),
    nics=(NicPlan("ä <b>"), NicPlan("default", NicModel.E1000E)),
)


def test_a_blueprint_survives_the_database() -> None:
    assert from_json(json.loads(json.dumps(as_json(RICH)))) == RICH


def test_what_an_older_version_did_not_say_is_as_usual() -> None:
    assert from_json({"schema": 1, "memory_mib": 64}) == Blueprint(memory_mib=64)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {},
        {"schema": 2},
        {**as_json(RICH), "unheard": 1},
        {**as_json(RICH), "hardware": {"firmware": "coreboot"}},
        {**as_json(RICH), "hardware": {"unheard": 1}},
        {**as_json(RICH), "disks": [{"size_bytes": "large"}]},
        {**as_json(RICH), "nics": "default"},
    ],
)
def test_what_is_not_understood_is_not_half_understood(stored: object) -> None:
    with pytest.raises(UnreadableBlueprint):
        from_json(stored)


def test_the_first_network_is_changed_without_touching_the_others() -> None:
    assert with_first_network(RICH, "other").nics == (NicPlan("other"), RICH.nics[1])
    assert with_first_network(RICH, "").nics == RICH.nics[1:]
    assert with_first_network(Blueprint(), "other").nics == (NicPlan("other"),)
