"""Tiny Linux for real: built, booted by QEMU with a seed, logged in to, drawn on, shut down."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from vms.hypervisor.cloudinit import Seed, hash_password, seed_iso

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a word to type"
LIMIT_S = 60.0

pytestmark = pytest.mark.real


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Guest:
    """A QEMU process of the test's own: its serial line, its monitor and a forwarded SSH port."""

    def __init__(self, folder: Path, image: Path, seed: Path | None) -> None:
        self.folder = folder
        self.ssh_port = free_port()
        self.text = ""
        disk = folder / "disk.qcow2"
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", image, disk, "1G"],
            check=True,
            timeout=30,
        )
        command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-m", "128"]
        command += ["-nodefaults", "-display", "none", "-device", "virtio-vga", "-no-user-config"]
        command += ["-drive", f"file={disk},if=virtio,format=qcow2"]
        if seed is not None:
            command += ["-drive", f"file={seed},if=virtio,format=raw,readonly=on"]
        command += ["-nic", f"user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22"]
        command += ["-device", "virtio-rng-pci", "-device", "virtio-keyboard-pci"]
        for name, option in (("serial", "-serial"), ("monitor", "-qmp")):
            command += [option, f"unix:{folder / name},server=on,wait=off"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.started_at = time.monotonic()
        self.serial = self._connected("serial")
        self.monitor = self._connected("monitor")
        self.replies = self.monitor.makefile("r")
        self.replies.readline()
        self.ask("qmp_capabilities")

    def _connected(self, name: str) -> socket.socket:
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(LIMIT_S)

        def connect() -> bool:
            try:
                link.connect(str(self.folder / name))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            return True

        until(connect, f"QEMU opens its {name} socket")
        return link

    def ask(self, command: str, **arguments: object) -> None:
        """Run a monitor command and wait for its answer."""
        message = json.dumps({"execute": command, "arguments": arguments})
        self.monitor.sendall(message.encode() + b"\n")
        for line in self.replies:
            answer = json.loads(line)
            if "event" not in answer:
                assert "return" in answer, answer
                return

    def send(self, text: str) -> None:
        """Type on the serial line; what came before no longer counts for `expect`."""
        self.text = ""
        self.serial.sendall(text.encode())

    def expect(self, wanted: str) -> str:
        """Read the serial line until it has shown `wanted`; give all that it has shown."""
        deadline = time.monotonic() + LIMIT_S
        while wanted not in self.text:
            self.serial.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                data = self.serial.recv(4096)
            except TimeoutError:
                pytest.fail(f"no {wanted!r} within {LIMIT_S} s in: {self.text}")
            assert data, f"the guest ended before it said {wanted!r}: {self.text}"
            self.text += data.decode(errors="replace")
        return self.text

    def screen(self) -> Image.Image:
        """The picture on the VGA screen."""
        path = self.folder / "screen.ppm"
        self.ask("screendump", filename=str(path))
        with Image.open(path) as picture:
            return picture.convert("RGB")

    def has_ssh(self) -> bool:
        """Ask the forwarded port for its banner; QEMU itself accepts before the guest listens."""
        try:
            with socket.create_connection(("127.0.0.1", self.ssh_port), timeout=5) as link:
                return link.recv(4) == b"SSH-"
        except OSError:
            return False

    def ssh(self, key: Path, user: str, command: str) -> subprocess.CompletedProcess[str]:
        until(self.has_ssh, "the guest serves SSH")
        options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        options += ["-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=20"]
        target = ["-p", str(self.ssh_port), f"{user}@127.0.0.1"]
        return subprocess.run(
            ["ssh", "-F", "none", "-i", key, *options, *target, command],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def close(self) -> None:
        self.serial.close()
        self.replies.close()
        self.monitor.close()
        self.process.kill()
        self.process.wait()


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, with a limit."""
    deadline = time.monotonic() + LIMIT_S
    pause = 0.01
    while not condition():
        assert time.monotonic() < deadline, f"waited {LIMIT_S} s in vain: {what}"
        time.sleep(pause)
        pause = min(pause * 2, 0.2)


@pytest.fixture(scope="module")
def image() -> Path:
    """The image, built only where it is not there yet."""
    done = subprocess.run(
        [ROOT / "script/tiny-linux", ROOT / "var/tiny-linux"],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=150,
    )
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key pair whose comment is long enough to be folded in the seed."""
    path = tmp_path_factory.mktemp("key") / "id"
    comment = "alice: a comment # with spaces that is long enough to be folded over two lines"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path]
    subprocess.run(command, check=True, timeout=30)
    return path


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Path:
    path = tmp_path_factory.mktemp("seed") / "seed.iso"
    content = Seed(
        instance_id="one",
        hostname="web-1",
        user="alice",
        password_hash=hash_password(PASSWORD),
        ssh_keys=(
            "ssh-rsa AAAAB3NzaC1yc2E bob's other",
            key.with_suffix(".pub").read_text().strip(),
        ),
    )
    path.write_bytes(seed_iso(content))
    return path


@pytest.fixture
def boot(tmp_path: Path, image: Path) -> Iterator[Callable[[Path | None], Guest]]:
    """Boot a guest; it is gone after the test, whatever happens."""
    with ExitStack() as guests:

        def start(seed: Path | None = None) -> Guest:
            guest = Guest(tmp_path, image, seed)
            guests.callback(guest.close)
            return guest

        yield start


Boot = Callable[..., Guest]


def log_in(guest: Guest, user: str, password: str | None = None) -> None:
    guest.expect("login: ")
    guest.send(f"{user}\n")
    if password is not None:
        guest.expect("Password: ")
        guest.send(f"{password}\n")
    guest.expect("built-in shell")


def test_it_reaches_a_login_prompt_within_seconds(boot: Boot) -> None:
    guest = boot()
    guest.expect("tiny login: ")
    seconds = time.monotonic() - guest.started_at
    # About 3 s alone on two cores; the limit leaves room for a loaded machine.
    assert seconds < 20, f"{seconds:.1f} s"


def test_without_a_seed_root_logs_in_at_the_console_but_not_over_ssh(boot: Boot, key: Path) -> None:
    guest = boot()
    assert "there is no password" in guest.expect("login: ")
    log_in(guest, "root")
    guest.send("id -u\n")
    guest.expect("\n0\r\n")
    refused = guest.ssh(key, "root", "true")
    assert "Permission denied" in refused.stderr


def test_the_seed_gives_name_user_password_and_keys(boot: Boot, seed: Path, key: Path) -> None:
    guest = boot(seed)
    guest.expect("web-1 login: ")
    log_in(guest, "alice", PASSWORD)
    guest.send("id -un; cat /etc/hostname; cat /etc/shadow\n")
    shown = guest.expect("Permission denied")
    assert "alice\r\nweb-1\r\n" in shown
    reply = guest.ssh(key, "alice", "id -u; hostname; cat .ssh/authorized_keys")
    public = key.with_suffix(".pub").read_text()
    assert reply.stdout == f"1000\nweb-1\nssh-rsa AAAAB3NzaC1yc2E bob's other\n{public}", reply


def test_with_a_seed_root_and_wrong_passwords_are_refused(boot: Boot, seed: Path) -> None:
    guest = boot(seed)
    for user, password in (("root", ""), ("alice", "wrong")):
        guest.expect("web-1 login: ")
        guest.send(f"{user}\n")
        guest.expect("Password: ")
        guest.send(f"{password}\n")
        guest.expect("Login incorrect")


def test_the_screen_shows_text_and_a_moving_picture_in_colour(boot: Boot) -> None:
    guest = boot()
    log_in(guest, "root")
    until(lambda: len(colours(guest.screen())) == 2, "text on a black screen")
    # On a terminal of its own, so that no getty reads the key that ends it.
    guest.send("openvt -c 2 -s -w moving-picture; echo ended\n")
    until(lambda: len(colours(guest.screen())) >= 8, "eight colours")
    first = guest.screen().tobytes()
    until(lambda: guest.screen().tobytes() != first, "the picture moves")
    guest.ask("send-key", keys=[{"type": "qcode", "data": "q"}])
    guest.expect("\nended\r")


def colours(picture: Image.Image) -> set[object]:
    return {colour for _count, colour in picture.getcolors(999_999) or []}


def test_show_keys_names_what_the_keyboard_sends(boot: Boot) -> None:
    guest = boot()
    log_in(guest, "root")
    guest.send("show-keys 5\n")
    guest.expect("Press keys")
    guest.ask("send-key", keys=[{"type": "qcode", "data": "a"}])
    guest.expect("key 30 pressed\r\nkey 30 released")


def test_it_obeys_the_power_button_and_ctrl_alt_del(boot: Boot) -> None:
    guest = boot()
    guest.expect("login: ")
    keys = [{"type": "qcode", "data": name} for name in ("ctrl", "alt", "delete")]
    guest.ask("send-key", keys=keys)
    guest.expect("Restarting system")
    guest.text = ""
    guest.expect("login: ")
    guest.ask("system_powerdown")
    assert guest.process.wait(timeout=LIMIT_S) == 0
