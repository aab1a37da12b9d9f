"""The standard cast and a host of libvirt's own test driver, for every test."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator

import django
import pytest

from tests.support.catalogue import compile_stale

for setting in [name for name in os.environ if name.startswith("KVMWEB_")]:
    del os.environ[setting]  # whoever runs the tests may have an installation of his own
os.environ["KVMWEB_HOME"] = tempfile.mkdtemp(prefix="kvmweb-test-home-")
atexit.register(shutil.rmtree, os.environ["KVMWEB_HOME"], ignore_errors=True)
if "TEST_DATABASE_URL" in os.environ:  # tests/support/postgres.py runs them on its own server
    os.environ["KVMWEB_DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
os.environ["DJANGO_SETTINGS_MODULE"] = "kvmweb.settings"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in the main thread
pytest_plugins = ["tests.support.fixtures"]
compile_stale()
django.setup()  # here and not by pytest-django, which would do it before the lines above
# Nor may a worker of pytest-xdist find it: it would take this process's home for its own.
del os.environ["DJANGO_SETTINGS_MODULE"]


@pytest.fixture(autouse=True)
def _fast_passwords(settings) -> None:
    """Hash passwords cheaply: their strength is Django's to test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _english() -> None:
    """Speak English again after a test whose last request was in another language."""
    from django.utils import translation

    translation.activate("en")


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    """Forget what was asked for too often in other tests."""
    from django.core.cache import cache

    cache.clear()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Keep the test database in a file: threads share one in memory not as they do a real one."""
    from django.conf import settings

    if not settings.KVMWEB.database_url.get_secret_value():
        name = settings.KVMWEB.home / "test.db"
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = name


@pytest.fixture(autouse=True)
def _jobs_run_at_once() -> Iterator[None]:
    """Jobs run at once, in the calling thread, unless a test says otherwise."""
    from vms.queue import huey

    before = huey.immediate
    huey.immediate = True
    yield
    huey.immediate = before


def make_user(username: str, role: str = "user"):
    """Make an account whose password is "<name> has a long one"."""
    from vms.models import User

    password = f"{username} has a long one"
    return User.objects.create_user(username=username, password=password, role=role)


@pytest.fixture
def admin(db: None):
    """The administrator."""
    return make_user("admin", "administrator")


@pytest.fixture
def alice(db: None):
    """Owns the guest under test."""
    return make_user("alice")


@pytest.fixture
def bob(db: None):
    """A colleague of alice."""
    return make_user("bob")


@pytest.fixture
def carol(db: None):
    """Another colleague."""
    return make_user("carol")


@pytest.fixture
def mallory(db: None):
    """A stranger who wants what is not his."""
    return make_user("mallory")


@pytest.fixture
def postbox(settings):
    """A real mail server on the loopback that the site uses, with what arrived there."""
    from tests.support.smtp import mail_server

    with mail_server() as box:
        more = {"mail_host": "127.0.0.1", "mail_port": box.port, "mail_from": "kvm@example.org"}
        settings.KVMWEB = settings.KVMWEB.model_copy(update=more)
        yield box


@pytest.fixture
def test_host(db: None) -> Iterator[object]:
    """A host row for `test:///default` as surveyed; what a test made there is removed."""
    from tests.support.driver import sweep
    from vms.hypervisor import registry
    from vms.models import Host
    from vms.services import hosts, survey

    row = Host.objects.create(name=f"test-{uuid.uuid4().hex[:6]}", uri="test:///default")
    sweep(hosts.connection(row))
    survey.everything(row)
    yield row
    sweep(hosts.connection(row))
    registry.forget(str(row.pk))


@pytest.fixture
def image(test_host):
    """A disk image in the test driver's pool, as a row."""
    from vms.hypervisor import storage
    from vms.models import Volume
    from vms.services import hosts, survey

    storage.create_volume(
        hosts.connection(test_host),
        pool="default-pool",
        name="base.qcow2",
        format="qcow2",
        capacity_bytes=1 << 30,
    )
    survey.storage_of(test_host)
    return Volume.objects.get(pool__host=test_host, name="base.qcow2")


@pytest.fixture
def template(image):
    """A template on the test driver; it has no cloud-init, since that driver takes no upload."""
    from vms.policy import SystemActor
    from vms.services import templates

    defaults = templates.TemplateDefaults(
        name="Small one", os_name="Debian 12", memory_mib=128, has_cloud_init=False
    )
    return templates.create(actor=SystemActor(), image_id=image.pk, defaults=defaults)


@pytest.fixture
def make_guest(template, django_capture_on_commit_callbacks) -> Callable[..., object]:
    """Make a real domain of the test driver through the service and its job: make_guest(owner)."""
    import vms.worker.jobs  # noqa: F401 - registers the runner
    from vms.models import VM
    from vms.policy import Person
    from vms.services import machines

    def make(owner, name: str = "", **more):
        request = machines.CreateRequest(template_id=template.pk, name=name, **more)
        with django_capture_on_commit_callbacks(execute=True):
            vm, _job = machines.create(actor=Person(owner), request=request)
        return VM.objects.get(pk=vm.pk)

    return make
