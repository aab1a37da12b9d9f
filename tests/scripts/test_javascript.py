"""The scripts' own tests, run by node: pure modules only, browsers have theirs."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_tests_of_the_scripts_pass():
    files = sorted(map(str, (ROOT / "tests" / "js").glob("*.test.js")))
    assert files
    done = subprocess.run(
        ["node", "--test", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
