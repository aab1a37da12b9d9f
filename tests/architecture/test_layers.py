"""The layers of docs/architecture.md hold, and modules stay small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*(ROOT / "vms").rglob("*.py"), *(ROOT / "kvmweb").rglob("*.py")]


def test_imports_go_down_only():
    script = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_is_longer_than_400_lines():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in SOURCES
        if "migrations" not in path.parts and (lines := len(path.read_text().splitlines())) > 400
    }
    assert not long


def test_every_module_says_what_it_is_for():
    silent = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if "migrations" not in path.parts
        and (text := path.read_text().strip())
        and not text.startswith(('"""', "#!"))
    ]
    assert not silent


def test_only_one_module_starts_other_programs():
    users = {
        str(path.relative_to(ROOT)) for path in SOURCES if "import subprocess" in path.read_text()
    }
    assert users <= {"vms/hypervisor/jail.py"}
