"""What a new template is proposed for the ISO or disk image that it starts from."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.web.conftest import texts, tree, value_of
from vms.models import ImageOrigin, Template, Volume

NEW = "/templates/new/"


@pytest.fixture
def iso(image):
    """Make an ISO of a system: iso("win11"); "" for one that nobody recognises."""

    def make(os_id: str, name: str = "cd.iso") -> Volume:
        row = Volume.objects.create(
            pool=image.pool, name=name, path=f"/p/{name}", format="iso", capacity_bytes=1 << 20
        )
        ImageOrigin.objects.create(
            host=image.pool.host,
            pool_name=image.pool.name,
            volume_name=name,
            source="upload",
            os_id=os_id,
        )
        return row

    return make


@pytest.fixture
def roomy(test_host) -> None:
    """A host with enough for any proposal, that can do everything."""
    test_host.facts = {**test_host.facts, "memory_mib": 1 << 16, "cpus": 16}
    test_host.save()


def sent(page) -> dict[str, str]:
    """What a browser would send of the form that a page shows, without pressing a button."""
    (form,) = tree(page).cssselect("#template-form")
    return {name: value for name, value in form.form_values() if name != "csrfmiddlewaretoken"}


def chosen(page, name: str) -> str:
    return sent(page).get(name, "")


def test_an_iso_in_the_address_proposes_the_whole_template(web, admin, iso, roomy):
    row = iso("win11")
    page = web(admin).get(f"{NEW}?image={row.pk}")
    values = sent(page)
    assert values["iso"] == str(row.pk)
    assert {name: values.get(name, "") for name in WINDOWS_11} == WINDOWS_11
    (note,) = texts(page, "#proposal")
    for word in ("Microsoft Windows 11", "4 GiB", "64 GiB", "SATA", "secure boot", "TPM 2.0"):
        assert word in note


WINDOWS_11 = {
    "source": "iso",
    "name": "Microsoft Windows 11",
    "os_name": "Microsoft Windows 11",
    "vcpus": "2",
    "memory_mib": "4096",
    "disk_gib": "64",
    "network_name": "default",
    "has_cloud_init": "",
    "firmware": "secure-boot",
    "has_tpm": "on",
    "video": "vga",
    "disk_0_bus": "sata",
    "nic_0_model": "e1000e",
}


def test_what_was_proposed_becomes_a_template_with_the_logo_of_its_system(
    web, admin, iso, roomy, image
):
    row = iso("win10")
    url = f"{NEW}?image={row.pk}"
    client = web(admin)
    answer = client.post(url, {**sent(client.get(url)), "disk_0_pool": image.pool.name})
    assert answer.status_code == 302, texts(answer, ".errors")
    made = Template.objects.get()
    assert (made.image, made.plan.source, made.has_cloud_init) == (row, "iso", False)
    assert (made.plan.disks[0].bus, made.plan.nics[0].model) == ("sata", "e1000e")
    assert b"brand-windows" in client.get(reverse("templates")).content


def test_choosing_an_iso_proposes_and_keeps_what_was_typed(web, admin, iso, roomy):
    client = web(admin)
    data = {
        **sent(client.get(NEW)),
        "source": "iso",
        "iso": str(iso("win11").pk),
        "name": "Mine",
        "memory_mib": "8192",
        "video": "bochs",
        "propose": "1",
    }
    page = client.post(NEW, data)
    assert page.status_code == 200
    assert not tree(page).cssselect("[aria-invalid], [role=alert]")
    assert (value_of(page, "name"), value_of(page, "memory_mib")) == ("Mine", "8192")
    assert chosen(page, "video") == "bochs"
    assert (value_of(page, "disk_gib"), chosen(page, "disk_0_bus")) == ("64", "sata")
    assert "Kept as you set it: Name, Memory, Graphics card" in texts(page, "#proposal")[0]
    assert not Template.objects.exists()


def test_another_iso_replaces_what_the_first_proposed_and_only_that(web, admin, iso, roomy):
    client = web(admin)
    windows, debian = iso("win11"), iso("debian13", "debian.iso")
    first = client.get(f"{NEW}?image={windows.pk}")
    data = {**sent(first), "iso": str(debian.pk), "disk_gib": "100", "propose": "1"}
    page = client.post(NEW, data)
    assert (value_of(page, "name"), value_of(page, "disk_gib")) == ("Debian 13", "100")
    assert (chosen(page, "firmware"), chosen(page, "disk_0_bus")) == ("bios", "virtio")
    assert chosen(page, "has_tpm") == ""
    back = client.post(NEW, {**sent(page), "iso": str(windows.pk), "propose": "1"})
    assert (value_of(back, "disk_gib"), chosen(back, "firmware")) == ("100", "secure-boot")


def test_a_box_that_was_unticked_stays_so(web, admin, image):
    client = web(admin)
    data = sent(client.get(NEW))
    del data["has_cloud_init"]
    page = client.post(NEW, {**data, "image": str(image.pk), "propose": "1"})
    assert chosen(page, "has_cloud_init") == ""
    assert value_of(page, "name") == "base"


def test_nothing_chosen_any_more_proposes_nothing(web, admin, iso, roomy):
    client = web(admin)
    page = client.get(f"{NEW}?image={iso('win11').pk}")
    page = client.post(NEW, {**sent(page), "iso": "", "propose": "1"})
    assert (value_of(page, "name"), value_of(page, "memory_mib")) == ("", "1024")
    assert not texts(page, "#proposal")


def test_a_system_that_is_not_recognised_is_said_so(web, admin, iso, roomy):
    page = web(admin).get(f"{NEW}?image={iso('', 'odd one.iso').pk}")
    assert "not recognised" in texts(page, "#proposal")[0]
    assert value_of(page, "name") == "odd one"
    assert chosen(page, "disk_0_bus") == "virtio"


def test_a_system_older_than_sata_gets_ide_on_the_old_board(web, admin, iso, roomy):
    page = web(admin).get(f"{NEW}?image={iso('winxp').pk}")
    assert (chosen(page, "disk_0_bus"), chosen(page, "machine")) == ("ide", "pc")
    assert chosen(page, "nic_0_model") == "rtl8139"


def test_what_the_host_lacks_is_left_out_and_said(web, admin, iso, roomy, test_host):
    options = {
        "is_known": True,
        "firmwares": ["bios", "uefi"],
        "cpu_modes": ["fastest"],
        "videos": ["vga"],
        "has_tpm": False,
    }
    test_host.facts = {**test_host.facts, "options": options, "memory_mib": 2000}
    test_host.save()
    page = web(admin).get(f"{NEW}?image={iso('win11').pk}")
    assert (chosen(page, "firmware"), chosen(page, "has_tpm")) == ("uefi", "")
    assert value_of(page, "memory_mib") == "2000"
    note = texts(page, "#proposal")[0]
    assert "swtpm" in note
    assert "secure boot" in note
    assert tree(page).cssselect("#advanced[open]")


def test_a_name_that_is_taken_gets_a_number(web, admin, iso, roomy, template):
    Template.objects.update(name="Debian 13")
    page = web(admin).get(f"{NEW}?image={iso('debian13').pk}")
    assert value_of(page, "name") == "Debian 13 (2)"


def test_mallory_is_proposed_nothing(web, mallory, iso):
    row = iso("win11")
    assert web(mallory).get(f"{NEW}?image={row.pk}").status_code == 403
    data = {"source": "iso", "iso": str(row.pk), "propose": "1"}
    assert web(mallory).post(NEW, data).status_code == 403
