"""Facts about the repository itself: its texts, its lock, its files."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# spelled in two halves, so that this file does not name them itself
INDEXES = (
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry.npmjs" + ".org",
    "deb.debian" + ".org",
    "snapshot.debian" + ".org",
)
TEXT_LIMIT_BYTES = 4_000_000


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / line for line in listing.splitlines() if (ROOT / line).is_file()]


def texts() -> list[tuple[Path, str]]:
    return [
        (path, path.read_text(errors="replace"))
        for path in tracked()
        if path.suffix not in {".png", ".bz2"} and path.stat().st_size < TEXT_LIMIT_BYTES
    ]


def test_no_file_names_a_package_index() -> None:
    assert not [f"{path.relative_to(ROOT)}: {index}" for path, text in texts() for index in INDEXES if index in text]


def test_every_locked_package_has_a_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.split(r"\n(?=[a-z0-9][a-z0-9._-]*==)", lock)[1:]
    assert len(pins) > 50
    assert not [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin]


def test_lock_holds_every_declared_dependency() -> None:
    lock = (ROOT / "requirements.lock").read_text().lower()
    declared = re.findall(
        r'^\s*"?([A-Za-z][\w.-]+)(?:\[[\w,]+\])?[><=]=[^"]*"',
        (ROOT / "pyproject.toml").read_text(),
        re.MULTILINE,
    )
    missing = [
        name
        for name in declared
        if not re.search(rf"^{re.escape(name.lower().replace('_', '-'))}==", lock, re.MULTILINE)
    ]
    assert not missing


@pytest.mark.parametrize("script", ["scripts/debian-packages", ".ci/run"])
def test_scripts_parse(script: str) -> None:
    shell = "bash" if script == ".ci/run" else "sh"
    assert subprocess.run([shell, "-n", script], cwd=ROOT, check=False).returncode == 0


def test_files_end_with_one_newline() -> None:
    wrong = [
        path.relative_to(ROOT)
        for path, text in texts()
        if text
        and path.suffix in {".py", ".md", ".yml", ".toml"}
        and (not text.endswith("\n") or text.endswith("\n\n"))
    ]
    assert not wrong


def test_links_in_documents_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path, text in texts()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
        if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists()
    ]
    assert not broken
