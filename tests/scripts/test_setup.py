"""Light checks of the scripts that a newcomer types; what they install is tried by running them."""

from __future__ import annotations

import gettext
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bash(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code with the scripts' library sourced."""
    library = " ".join(f". script/lib/{name}.sh;" for name in ("common", "packages", "steps"))
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{library} {code}"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_lock_file_names_no_registry() -> None:
    text = (ROOT / "package-lock.json").read_text()
    assert "http" not in re.sub(r'"(url|homepage)": "[^"]*"', "", text)
    for name, package in json.loads(text)["packages"].items():
        assert not name or "integrity" in package, name


def test_every_browser_library_is_pinned() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values()), versions


def test_every_system_package_exists_in_the_distribution() -> None:
    names = bash("packages dev").stdout.split()
    assert "libvirt-daemon-system" in names
    assert bash(f"unknown_packages {' '.join(names)}").stdout == ""
    assert bash("unknown_packages openssl no-such-package").stdout == "no-such-package\n"


def test_every_group_of_packages_says_what_it_is_for() -> None:
    lines = bash("package_groups dev").stdout.splitlines()
    assert all(re.fullmatch(r"(to|for) [^:]+: [a-z0-9 .+-]+", line) for line in lines), lines


def test_only_missing_packages_are_named_with_their_reason() -> None:
    shown = bash("explain_missing mtools openssl").stdout
    assert shown == (
        "      for passwords and certificates: openssl\n"
        "      to build the Tiny Linux image: mtools\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "http"], '"http" is no port'),
        (["--port", "70000"], '"70000" is no port'),
        (["--port=0"], '"0" is no port'),
        (["--port"], "--port needs a value"),
        (["--host", ""], "--host needs a value"),
        (["--frobnicate"], "unknown option --frobnicate"),
    ],
)
def test_a_wrong_command_line_is_refused_before_the_set_up(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    done = subprocess.run(
        [ROOT / "script/server", *arguments],
        env={**os.environ, "KVMWEB_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode != 0
    assert words in done.stderr
    assert not home.exists()


def test_an_unknown_system_is_told_what_to_install(tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    release.write_text('ID=plan9\nPRETTY_NAME="Plan 9"\n')
    done = bash("check_system", OS_RELEASE=str(release))
    assert done.returncode == 1
    assert "This is Plan 9" in done.stdout
    assert "KVMWEB_SKIP_APT=1" in done.stdout
    assert "qemu-system-x86" in done.stdout
    assert bash("check_system", OS_RELEASE=str(release), KVMWEB_SKIP_APT="1").returncode == 0


def test_a_failing_step_shows_the_end_of_its_output_and_stops(tmp_path: Path) -> None:
    done = bash(
        "STEPS=1; make_home; step Trial logged 'It did not work.' sh -c 'echo because; exit 3'",
        KVMWEB_HOME=str(tmp_path / "home"),
    )
    assert done.returncode == 1
    assert done.stdout == "[1/1] Trial ... \n"
    assert "| because" in done.stderr
    assert "It did not work." in done.stderr


def test_translations_are_compiled_once_and_again_when_they_change(tmp_path: Path) -> None:
    source = tmp_path / "locale" / "de" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)

    def compiled(text: str) -> tuple[subprocess.CompletedProcess[str], str]:
        lines = ['msgid ""', 'msgstr "Content-Type: text/plain; charset=UTF-8\\n"', ""]
        source.write_text("\n".join([*lines, "#, python-format", 'msgid "%(n)s guests"', text]))
        step = "STEPS=1; make_home; ROOT=$CHECKOUT; step Translations compile_translations"
        done = bash(step, KVMWEB_HOME=str(tmp_path / "home"), CHECKOUT=str(tmp_path))
        with source.with_suffix(".mo").open("rb") as file:
            return done, gettext.GNUTranslations(file).gettext("%(n)s guests")

    done, text = compiled('msgstr "%(n)s Gäste"')
    assert (done.returncode, text) == (0, "%(n)s Gäste"), done.stderr
    assert "up to date" in compiled('msgstr "%(n)s Gäste"')[0].stdout
    assert compiled('msgstr "%(n)s VMs"')[1] == "%(n)s VMs"
    broken, text = compiled('msgstr "%(m)s VMs"')
    assert (broken.returncode, text) == (1, "%(n)s VMs")
    assert "could not be compiled" in broken.stderr


def test_assets_are_built_from_any_number_of_entry_points(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "one.js").write_text('import RFB from "@novnc/novnc"; window.console.log(RFB);\n')
    (source / "two.css").write_text('@import "@tabler/core/dist/css/tabler.css";\n')
    (source / "icons.txt").write_text("player-play  # start\nfilled/star\n")
    (source / "types.d.ts").write_text("export {};\n")
    build = ["node", "script/lib/build.mjs", str(source), str(tmp_path / "dist")]
    path = f"{ROOT}/.venv/bin:{os.environ['PATH']}"
    subprocess.run(build, cwd=ROOT, env={**os.environ, "PATH": path}, check=True, timeout=60)
    names = {file.name for file in (tmp_path / "dist").iterdir()}
    assert {"one.js", "two.css", "icons.svg"} <= names
    sprite = (tmp_path / "dist/icons.svg").read_text()
    assert 'id="tabler-player-play"' in sprite
    assert 'id="tabler-star-filled"' in sprite


def test_an_icon_that_does_not_exist_is_named(tmp_path: Path) -> None:
    (tmp_path / "icons.txt").write_text("no-such-icon\n")
    path = f"{ROOT}/.venv/bin:{os.environ['PATH']}"
    done = subprocess.run(
        ["node", "script/lib/build.mjs", str(tmp_path), str(tmp_path / "dist")],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert 'there is no icon "no-such-icon"' in done.stderr
