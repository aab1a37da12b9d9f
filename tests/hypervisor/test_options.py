"""What a host offers its guests, from domain capabilities."""

from __future__ import annotations

from dataclasses import asdict

from vms.hypervisor.hardware import GuestOptions
from vms.hypervisor.options import from_capabilities, guest_options_from

CAPABILITIES = """
<domainCapabilities>
  <os supported='yes'>
    <enum name='firmware'>{firmware}</enum>
    <loader supported='yes'><enum name='secure'>{secure}</enum></loader>
  </os>
  <cpu>
    <mode name='host-passthrough' supported='no'/>
    <mode name='maximum' supported='yes'/>
    <mode name='host-model' supported='yes'/>
    <mode name='custom' supported='yes'>
      <model usable='yes'>Nehalem</model><model usable='no'>Skylake-Server</model>
    </mode>
  </cpu>
  <devices>
    <disk supported='yes'><enum name='bus'><value>virtio</value><value>{bus}</value></enum></disk>
    <graphics supported='yes'><enum name='type'><value>vnc</value></enum></graphics>
    <video supported='yes'><enum name='modelType'><value>vga</value></enum></video>
    <tpm supported='{tpm}'><enum name='backendModel'><value>emulator</value></enum></tpm>
  </devices>
</domainCapabilities>
"""


def capabilities(bus: str = "sata", firmware: str = "", secure: str = "", tpm: str = "no") -> str:
    return CAPABILITIES.format(bus=bus, firmware=firmware, secure=secure, tpm=tpm)


def test_only_what_the_host_has_is_offered() -> None:
    bare = from_capabilities([("q35", capabilities())])
    assert bare.cpu_modes == ("fastest", "host-model", "named")
    assert bare.cpu_models == ("Nehalem",)
    assert bare.firmwares == ("bios",)
    assert (bare.has_tpm, bare.has_vnc, bare.videos) == (False, True, ("vga",))
    efi, yes = "<value>efi</value>", "<value>yes</value>"
    rich = from_capabilities([("q35", capabilities(firmware=efi, secure=yes, tpm="yes"))])
    assert rich.firmwares == ("bios", "uefi", "secure-boot")
    assert rich.has_tpm
    plain_uefi = from_capabilities([("q35", capabilities(firmware=efi))])
    assert plain_uefi.firmwares == ("bios", "uefi")


def test_the_buses_are_those_of_all_machines() -> None:
    both = from_capabilities([("q35", capabilities("sata")), ("pc", capabilities("ide"))])
    assert both.machines == ("q35", "pc")
    assert both.disk_buses == ("virtio", "sata", "ide")


def test_a_driver_that_cannot_say_is_not_known() -> None:
    assert from_capabilities([]) == GuestOptions()
    assert from_capabilities([("q35", "<broken")]) == GuestOptions()


def test_options_survive_the_database_and_later_versions() -> None:
    options = from_capabilities([("q35", capabilities())])
    stored = {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(options).items()}
    assert guest_options_from({**stored, "has_unheard": True}) == options
    assert guest_options_from({}) == GuestOptions()
