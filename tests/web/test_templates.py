"""Templates: everybody sees them, administrators make, edit and delete them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.web.conftest import error_beside, texts, tree, value_of
from vms.models import Template, Volume

GOOD = {"name": "Debian <b>12", "vcpus": "2", "memory_mib": "512", "disk_gib": "2"}


def edit_url(template: Template) -> str:
    return reverse("template-edit", args=[template.pk])


def delete_url(template: Template) -> str:
    return reverse("template-delete", args=[template.pk])


def test_page_shows_image_defaults_and_use(web, alice, template, row_of):
    row_of(alice, template=template)
    card = texts(web(alice).get(reverse("templates")), ".choice")[0]
    assert "base.qcow2" in card
    assert "1 guest" in card


def test_use_counts_only_guests_that_one_may_see(web, alice, mallory, template, row_of):
    row_of(alice, template=template)
    assert "0 guests" in texts(web(mallory).get(reverse("templates")), ".choice")[0]


def test_invalid_template_says_why(web, alice, template):
    Volume.objects.all().delete()
    assert "no longer" in texts(web(alice).get(reverse("templates")), ".reason")[0]


def test_empty_page_says_what_to_do(web, admin, alice):
    assert "storage pool" in texts(web(admin).get(reverse("templates")), ".empty-state")[0]
    assert "administrator" in texts(web(alice).get(reverse("templates")), ".empty-state")[0]


def test_administrator_makes_a_template(web, admin, image):
    answer = web(admin).post(reverse("template-new"), {**GOOD, "image": str(image.pk)})
    assert answer.status_code == 302, texts(answer, ".errors")
    made = Template.objects.get()
    assert (made.name, made.vcpus, made.disk_bytes) == ("Debian <b>12", 2, 2 << 30)
    assert b"Debian <b>12" not in web(admin).get(reverse("templates")).content


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("image", "", "required"),
        ("image", "nonsense", "valid choice"),
        ("name", "", "required"),
        ("name", "a/b", "/"),
        ("vcpus", "0", "1"),
        ("memory_mib", "x", "whole number"),
        ("memory_mib", "1", "32 MiB"),
        ("disk_gib", "0.1", "1 GiB"),
        ("network_name", "nowhere", "valid choice"),
        ("default_user", "Big Name", "lower-case"),
        ("description", "x" * 2001, "2000"),
    ],
)
def test_wrong_field_says_so_and_nothing_is_made(web, admin, image, field, value, words):
    data = {**GOOD, "image": str(image.pk), field: value}
    answer = web(admin).post(reverse("template-new"), data)
    assert answer.status_code == 422
    assert words in error_beside(answer, field)
    if field not in {"image", "network_name"}:
        assert value_of(answer, field) == value
    assert not Template.objects.exists()


def test_a_new_template_proposes_libvirts_own_network(web, admin, image):
    page = tree(web(admin).get(reverse("template-new")))
    chosen = page.cssselect("[name=network_name] option[selected]")
    assert [option.get("value") for option in chosen] == ["default"]


def test_used_name_is_told_at_the_name(web, admin, template, image):
    data = {**GOOD, "name": template.name, "image": str(image.pk)}
    answer = web(admin).post(reverse("template-new"), data)
    assert "already" in error_beside(answer, "name")


def test_defaults_can_be_edited(web, admin, template):
    page = web(admin).get(edit_url(template))
    assert value_of(page, "memory_mib") == "128"
    web(admin).post(edit_url(template), {**GOOD, "memory_mib": "256"})
    template.refresh_from_db()
    assert (template.memory_mib, template.name) == (256, "Debian <b>12")


def test_wrong_edit_changes_nothing(web, admin, template):
    answer = web(admin).post(edit_url(template), {**GOOD, "memory_mib": "1"})
    assert answer.status_code == 422
    assert error_beside(answer, "memory_mib")
    template.refresh_from_db()
    assert template.memory_mib == 128


def test_deletion_asks_first_and_keeps_the_guests(web, admin, template, row_of, alice):
    guest = row_of(alice, template=template, template_name=template.name)
    page = web(admin).get(delete_url(template))
    assert template.name in texts(page, "h2")[0]
    assert "1 guest" in texts(page, ".sheet-body")[0]
    web(admin).post(delete_url(template))
    assert not Template.objects.exists()
    guest.refresh_from_db()
    assert guest.template is None


def test_mallory_makes_edits_and_deletes_nothing(web, mallory, template, image):
    client = web(mallory)
    assert client.get(reverse("template-new")).status_code == 403
    data = {**GOOD, "image": str(image.pk)}
    assert client.post(reverse("template-new"), data).status_code == 403
    for url in (edit_url(template), delete_url(template)):
        assert client.get(url).status_code == 403
        assert client.post(url, GOOD).status_code == 403
    assert Template.objects.get().name == template.name
    assert not tree(client.get(reverse("templates"))).cssselect(f"a[href='{edit_url(template)}']")


# The machine, folded ----------------------------------------------------------------------------

WHOLE = {
    "machine_shown": "1",
    "disk_rows": "2",
    "nic_rows": "2",
    "cpu_mode": "host-model",
    "firmware": "uefi",
    "video": "vga",
    "has_tpm": "on",
    "has_serial": "on",
    "sockets": "1",
    "cores": "2",
    "threads": "1",
    "disk_0_bus": "scsi",
    "disk_1_gib": "5",
    "disk_1_cache": "none",
    "nic_0_model": "e1000e",
    "nic_1_network": "default",
    "network_name": "default",
    "packages": "htop, vim",
    "user_data": "runcmd: []",
}


def test_the_whole_machine_is_saved_and_shown_again(web, admin, image):
    answer = web(admin).post(reverse("template-new"), {**GOOD, **WHOLE, "image": str(image.pk)})
    assert answer.status_code == 302, texts(answer, ".errors")
    plan = Template.objects.get().plan
    hardware = plan.hardware
    assert (hardware.cpu_mode, hardware.firmware, hardware.video) == ("host-model", "uefi", "vga")
    assert (hardware.has_tpm, hardware.has_serial, hardware.has_screen) == (True, True, False)
    assert hardware.topology.cores == 2
    assert [(disk.bus, disk.origin, disk.cache) for disk in plan.disks] == [
        ("scsi", "linked", ""),
        ("virtio", "blank", "none"),
    ]
    assert [(nic.network, nic.model) for nic in plan.nics] == [
        ("default", "e1000e"),
        ("default", "virtio"),
    ]
    assert plan.cloud.packages == ("htop", "vim")
    page = web(admin).get(edit_url(Template.objects.get()))
    assert value_of(page, "disk_1_gib") == "5"
    assert value_of(page, "packages") == "htop vim"


def test_a_row_is_added_without_saving_and_what_was_typed_is_kept(web, admin, image):
    data = {**GOOD, **WHOLE, "image": str(image.pk), "add_disk_rows": "1"}
    answer = web(admin).post(reverse("template-new"), data)
    assert answer.status_code == 200
    assert value_of(answer, "disk_1_gib") == "5"
    assert tree(answer).cssselect("[name=disk_2_gib]")
    assert tree(answer).cssselect("#advanced[open]")
    assert not Template.objects.exists()


def test_a_wrong_part_of_the_machine_unfolds_it_and_says_so_at_its_field(web, admin, image):
    data = {**GOOD, **WHOLE, "image": str(image.pk), "cores": "3", "disk_1_gib": ""}
    answer = web(admin).post(reverse("template-new"), data)
    assert answer.status_code == 422
    assert tree(answer).cssselect("#advanced[open]")
    assert "make 3 CPUs" in error_beside(answer, "sockets")
    assert error_beside(answer, "disk_1_gib")


def test_a_disk_and_an_interface_are_left_out_again(web, admin, image):
    web(admin).post(reverse("template-new"), {**GOOD, **WHOLE, "image": str(image.pk)})
    template = Template.objects.get()
    data = {**GOOD, **WHOLE, "disk_1_gone": "on", "nic_1_network": ""}
    answer = web(admin).post(edit_url(template), data)
    assert answer.status_code == 302, texts(answer, ".errors")
    template.refresh_from_db()
    assert (len(template.plan.disks), len(template.plan.nics)) == (1, 1)


def test_what_the_host_cannot_do_is_disabled_with_its_reason(web, admin, image, test_host):
    options = {"is_known": True, "firmwares": ["bios"], "cpu_modes": ["fastest"], "has_tpm": False}
    test_host.facts = {**test_host.facts, "options": options}
    test_host.save()
    page = web(admin).get(reverse("template-new"))
    off = {option.get("value") for option in tree(page).cssselect("option[disabled]")}
    assert off == {"uefi", "secure-boot", "host-passthrough", "host-model", "named"}
    assert tree(page).cssselect("[name=has_tpm][disabled]")
    assert "swtpm" in page.content.decode()
    assert "ovmf" in page.content.decode()


def test_guests_that_boot_from_the_network_need_no_image(web, admin, image):
    data = {**GOOD, "source": "network", "network_name": "default", "disk_0_pool": "default-pool"}
    answer = web(admin).post(reverse("template-new"), data)
    assert answer.status_code == 302, texts(answer, ".errors")
    made = Template.objects.get()
    assert (made.plan.source, made.image, made.plan.disks[0].origin) == ("network", None, "blank")
    assert "Network boot" in texts(web(admin).get(reverse("templates")), ".choice")[0]


def test_a_clear_password_in_the_yaml_of_a_template_is_refused_at_its_line(web, admin, image):
    data = {**GOOD, "image": str(image.pk), "user_data": "a: 1\npassword: geheim"}
    answer = web(admin).post(reverse("template-new"), data)
    assert "Line 2" in error_beside(answer, "user_data")
    assert not Template.objects.exists()


def test_each_version_stands_in_the_history_with_who_and_what(web, admin, template):
    web(admin).post(edit_url(template), {**GOOD, "memory_mib": "256"})
    page = web(admin).get(reverse("template-history", args=[template.pk]))
    newest, first = texts(page, "tbody tr")
    assert "admin" in newest
    assert "memory" in newest
    assert "now" in newest
    assert "base.qcow2" in first


def test_mallory_reads_no_history(web, mallory, template):
    assert web(mallory).get(reverse("template-history", args=[template.pk])).status_code in {
        403,
        404,
    }
