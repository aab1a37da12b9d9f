"""What guests are told by cloud-init: every wrong field is named, the template fills the gaps."""

from __future__ import annotations

import pytest
import yaml

from tests.support.altering import set_blueprint
from vms.hypervisor.blueprint import Blueprint, CloudPlan, NicPlan
from vms.hypervisor.cloudinit import network_config, user_document
from vms.models import VM, CloudInit, Host
from vms.policy import Person
from vms.problems import Invalid, NotFound, Refused
from vms.services import cloud, machines, seeds
from vms.services.cloud import AddressWish, CloudWish

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8Q0rWcmDOgZCQTE+rGNqhJYtFo3cYVEjPLVRZd5Wp9 alice@home"


@pytest.mark.parametrize(
    ("field", "wish", "code"),
    [
        ("user", CloudWish(user="Root User"), "user-rule"),
        ("user", CloudWish(password="long enough"), "user-needed"),
        ("password", CloudWish(user="me", password="short"), "password-too-short"),
        ("ssh_keys", CloudWish(user="me", ssh_keys=("nonsense",)), "ssh-key-rule"),
        ("hostname", CloudWish(hostname="a_b"), "hostname-rule"),
        ("hostname", CloudWish(hostname="-a.example"), "hostname-rule"),
        ("packages", CloudWish(packages=("htop", "--force")), "package-rule"),
        ("packages", CloudWish(packages=("a",) * 101), "too-many-packages"),
        ("timezone", CloudWish(timezone="../../etc/passwd"), "timezone-rule"),
        ("locale", CloudWish(locale="de DE"), "locale-rule"),
        ("user_data", CloudWish(user_data="a: [1\nb: 2"), "yaml-syntax"),
        ("user_data", CloudWish(user_data="password: geheim"), "yaml-clear-password"),
        ("nics.0.addresses", CloudWish(nics=(AddressWish(("192.0.2.7",)),)), "address-rule"),
        (
            "nics.0.gateways",
            CloudWish(nics=(AddressWish(("192.0.2.7/24",), ("198.51.100.1",)),)),
            "gateway-outside",
        ),
        (
            "nics.1.nameservers",
            CloudWish(nics=(AddressWish(), AddressWish(nameservers=("dns",)))),
            "ip-rule",
        ),
    ],
)
def test_each_wrong_field_is_named(field, wish, code):
    assert cloud.problems(wish)[field].code == code


def test_a_good_wish_has_no_problems():
    wish = CloudWish(
        hostname="web-1.example.org",
        user="me",
        password="correct horse",
        ssh_keys=(KEY,),
        packages=("htop", "python3=3.11*".rstrip("*")),
        timezone="America/Argentina/Buenos_Aires",
        locale="de_DE.UTF-8",
        nics=(AddressWish(("192.0.2.7/24", "2001:db8::7/64"), ("192.0.2.1", "2001:db8::1")),),
        user_data="#cloud-config\nruncmd: [[date]]",
    )
    assert cloud.problems(wish) == {}


def told(vm: VM) -> dict[str, object]:
    document = user_document(cloud.seed_of(CloudInit.objects.get(vm=vm), vm))
    assert document.startswith("#cloud-config\n")
    return dict(yaml.safe_load(document))


@pytest.fixture
def cloudy(template):
    """The template with cloud-init, defaults of its own and two interfaces."""
    plan = Blueprint(
        memory_mib=64,
        nics=(NicPlan("default"), NicPlan("default")),
        cloud=CloudPlan(
            user="tiny", packages=("htop",), timezone="UTC", user_data="final_message: hi"
        ),
    )
    set_blueprint(template, plan)
    return template


def test_what_is_left_out_comes_from_the_template(cloudy, alice):
    request = machines.CreateRequest(template_id=cloudy.pk, ssh_keys=(KEY,), packages=("vim",))
    vm, _job = machines.create(actor=Person(alice), request=request)
    document = told(vm)
    assert document["users"][0]["name"] == "tiny"
    assert (document["packages"], document["timezone"]) == (["vim"], "UTC")
    assert document["final_message"] == "hi"


def test_yaml_takes_the_place_of_what_the_fields_make(cloudy, alice):
    more = "hostname: other\nusers: [default]\nruncmd:\n- [touch, /x]"
    request = machines.CreateRequest(template_id=cloudy.pk, ssh_keys=(KEY,), user_data=more)
    vm, _job = machines.create(actor=Person(alice), request=request)
    document = told(vm)
    assert document["hostname"] == "other"
    assert document["users"] == ["default"]
    assert document["runcmd"] == [["touch", "/x"]]


def test_fixed_addresses_are_tied_to_the_macs_that_the_guest_gets(cloudy, alice):
    wish = AddressWish(("192.0.2.7/24",), ("192.0.2.1",), ("192.0.2.53",))
    request = machines.CreateRequest(template_id=cloudy.pk, addresses=(AddressWish(), wish))
    vm, _job = machines.create(actor=Person(alice), request=request)
    seed = cloud.seed_of(CloudInit.objects.get(vm=vm), vm)
    network = network_config(seed.nics)["ethernets"]
    first, second = seed.nics
    assert first.mac != second.mac
    assert network == {
        "nic0": {"match": {"macaddress": first.mac}, "dhcp4": True},
        "nic1": {
            "match": {"macaddress": second.mac},
            "addresses": ["192.0.2.7/24"],
            "routes": [{"to": "0.0.0.0/0", "via": "192.0.2.1"}],
            "nameservers": {"addresses": ["192.0.2.53"]},
        },
    }


def test_windows_is_told_what_cloudbase_init_reads_and_no_password(cloudy, alice):
    cloudy.os_name = "Windows Server 2025"
    cloudy.save()
    request = machines.CreateRequest(template_id=cloudy.pk, password="correct horse")
    with pytest.raises(Invalid) as caught:
        machines.create(actor=Person(alice), request=request)
    assert caught.value.fields["password"].code == "password-not-windows"
    request = machines.CreateRequest(template_id=cloudy.pk, ssh_keys=(KEY,))
    vm, _job = machines.create(actor=Person(alice), request=request)
    assert told(vm)["users"] == [
        {"name": "tiny", "groups": ["Administrators"], "ssh_authorized_keys": [KEY]}
    ]
    # It is still Windows when its template is gone, and when something else is changed.
    VM.objects.filter(pk=vm.pk).update(template=None)
    row = CloudInit.objects.get(vm=vm)
    cloud.rewrite(row, CloudWish(user="me", ssh_keys=(KEY,)), macs=())
    row.save()
    assert told(vm)["users"][0]["groups"] == ["Administrators"]


def test_a_refused_document_is_kept_nowhere(cloudy, alice):
    request = machines.CreateRequest(template_id=cloudy.pk, user_data="password: geheim")
    with pytest.raises(Invalid) as caught:
        machines.create(actor=Person(alice), request=request)
    problem = caught.value.fields["user_data"]
    assert problem.params["line"] == 1
    assert "geheim" not in str(problem)
    assert not CloudInit.objects.exists()


def test_new_addresses_are_none_that_a_guest_has(test_host, alice, make_guest, monkeypatch):
    taken = bytes(3)
    VM.objects.filter(pk=make_guest(alice).pk).update(macs=["52:54:00:00:00:00"])
    drawn = iter([taken, b"\x00\x00\x01", b"\x00\x00\x01", b"\x00\x00\x02"])
    monkeypatch.setattr(cloud.secrets, "token_bytes", lambda _size: next(drawn))
    assert cloud.new_macs(Host.objects.get(pk=test_host.pk), 2) == (
        "52:54:00:00:00:01",
        "52:54:00:00:00:02",
    )


def test_the_preview_shows_the_whole_without_the_password():
    wish = CloudWish(user="me", password="correct horse", user_data="x: 1")
    shown = cloud.preview(wish, "Web ä")
    assert "correct horse" not in shown
    assert "hostname: web-a" in shown
    assert "x: 1" in shown


def test_the_state_shows_everything_but_the_password(cloudy, alice):
    request = machines.CreateRequest(
        template_id=cloudy.pk, user="me", password="correct horse", hostname="h"
    )
    vm, job = machines.create(actor=Person(alice), request=request)
    state = seeds.state(actor=Person(alice), vm_id=vm.pk)
    assert (state.has_password, state.wish.user, state.wish.password) == (True, "me", "")
    assert "$6$" not in repr(state)
    with pytest.raises(Refused):  # its job has not ended
        seeds.save(actor=Person(alice), vm_id=vm.pk, wish=CloudWish(hostname="x"))
    assert job.is_open


def test_mallory_neither_sees_nor_changes_what_a_guest_is_told(make_guest, alice, mallory):
    vm = make_guest(alice, "web")
    for act in (
        lambda: seeds.state(actor=Person(mallory), vm_id=vm.pk),
        lambda: seeds.save(actor=Person(mallory), vm_id=vm.pk, wish=CloudWish()),
        lambda: seeds.remove(actor=Person(mallory), vm_id=vm.pk),
    ):
        with pytest.raises(NotFound):
            act()
