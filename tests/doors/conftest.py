"""The world of the tables of doors: a guest with everybody around it, and one of each thing."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from tests.conftest import make_user
from tests.doors.cast import PEOPLE
from vms.hypervisor.blueprint import Blueprint, CloudPlan, as_json
from vms.models import (
    VM,
    ApiToken,
    ConsoleLink,
    Group,
    Host,
    Invitation,
    Job,
    Membership,
    Notice,
    Pool,
    Recording,
    Share,
    SshKey,
    Template,
    TemplateGrant,
    Upload,
    User,
    Volume,
)
from vms.services.secrets import digest

SITE_ROLES = {"admin": "administrator", "auditor": "auditor", "author": "author"}


@dataclass(frozen=True)
class World:
    """The cast, and what stands for each part of a path."""

    people: dict[str, User]
    things: dict[str, str]

    def filled(self, names: list[str], changes: dict[str, str]) -> dict[str, str]:
        """Give a value to each part of a path."""
        known = {**self.things, **changes}
        for name in names:
            assert name in known, (
                f"the path has a part {name!r} that the tables of doors do not know: "
                "add one of that kind to `world` in tests/doors/conftest.py"
            )
        return {name: known[name] for name in names}

    def missing(self, names: list[str], changes: dict[str, str]) -> dict[str, str]:
        """Give values of the same shape for things that there are not."""
        filled = self.filled(names, changes)
        return {name: _other(value) for name, value in filled.items()}


def _other(value: str) -> str:
    try:
        uuid.UUID(value)
    except ValueError:
        return value
    return str(uuid.uuid4())


@pytest.fixture
def world(db) -> World:
    """Everything as rows: what a host would be asked for fails there, after the rights."""
    people = {name: make_user(name, SITE_ROLES.get(name, "user")) for name in PEOPLE}
    member = make_user("member")
    host = Host.objects.create(
        name="h", uri="test:///default", status="connected", facts={"can_graphics_fd": True}
    )
    vm = _guest(host, people["owner"])
    for name in ("operator", "viewer"):
        Share.objects.create(vm=vm, user=people[name], role=name)
    group = Group.objects.create(name="Team")
    Membership.objects.create(group=group, user=people["manager"], is_manager=True)
    Membership.objects.create(group=group, user=member)
    Share.objects.create(vm=vm, group=group, role="owner")
    pool = Pool.objects.create(host=host, pool_uuid=uuid.uuid4(), name="p", state="active")
    image = Volume.objects.create(pool=pool, name="a.qcow2", path="/p/a", format="qcow2")
    template = Template.objects.create(
        name="t",
        host=host,
        image=image,
        pool_name="p",
        volume_name="a.qcow2",
        blueprint=as_json(Blueprint(memory_mib=64, cloud=CloudPlan(is_read=False))),
        created_by=people["author"],
    )
    press = Group.objects.create(name="Press")
    Membership.objects.create(group=press, user=people["author"])
    TemplateGrant.objects.create(template=template, group=press)
    things = {
        "vm_id": vm.pk,
        "host_id": host.pk,
        "pool_id": pool.pk,
        "image_id": image.pk,
        "template_id": template.pk,
        "group_id": group.pk,
        "user_id": member.pk,
        "share_id": Share.objects.get(user=people["operator"]).pk,
        "job_id": Job.objects.create(
            kind="delete-vm", state="failed", vm=vm, vm_uuid=vm.pk, actor=people["owner"]
        ).pk,
        "volume_id": image.pk,
        "recording_id": Recording.objects.create(
            vm=vm, vm_name=vm.name, kind="vnc", state="wanted"
        ).pk,
        "link_id": ConsoleLink.objects.create(
            vm=vm,
            made_by=people["owner"],
            name="l",
            secret_hash="x",
            kind="vnc",
            mode="view",
            expires_at=_tomorrow(),
        ).pk,
        "upload_id": Upload.objects.create(
            user=people["admin"],
            pool=pool,
            filename="a.iso",
            size_bytes=1,
            expires_at=_tomorrow(),
        ).pk,
        "invitation_id": Invitation.objects.create(secret_hash="x", expires_at=_tomorrow()).pk,
        "target": "vda",
        "provider_id": "none",
        "secret": "invented",
        "kind": "dir",
        **_things_of_an_account(people["owner"]),
    }
    return World(people, {name: str(value) for name, value in things.items()})


def _guest(host: Host, owner: User) -> VM:
    pk = uuid.uuid4()
    return VM.objects.create(
        pk=pk,
        domain_uuid=pk,
        host=host,
        owner=owner,
        name="secret name",
        state="running",
        has_vnc=True,
        xml="<domain type='test'><name>x</name><devices/></domain>",
    )


def _tomorrow() -> datetime:
    return timezone.now() + timedelta(days=1)


def _things_of_an_account(user: User) -> dict[str, object]:
    key = SshKey.objects.create(user=user, kind="ssh-rsa", fingerprint="SHA256:x", line="ssh-rsa x")
    token = ApiToken.objects.create(user=user, name="t", secret_hash="x")
    notice = Notice.objects.create(user=user, kind="job-failed")
    return {
        "notice_id": notice.pk,
        "key_id": key.pk,
        "token_id": token.pk,
        "mark": "0" * 32,
        "pk": "1",
    }


def token_of(user: User) -> str:
    """Make a bearer token that was used a moment ago, so that using it writes nothing."""
    secret = f"kvmweb_{user.username}"
    ApiToken.objects.create(
        user=user, name="door", secret_hash=digest(secret), last_used_at=timezone.now()
    )
    return secret
