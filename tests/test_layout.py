"""The rules about files: the README's tree, what no file may name."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("adapters", "server", "training", "loadtests")
SKIPPED = {".git", ".venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"}


def files() -> list[str]:
    if (ROOT / ".git").exists():
        listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
        paths = [ROOT / name for name in listed.split("\0") if name]
    else:
        paths = [p for p in ROOT.rglob("*") if not SKIPPED & set(p.relative_to(ROOT).parts)]
    return sorted(str(path.relative_to(ROOT)) for path in paths if path.is_file())


def tree() -> dict[str, str]:
    """Path and phrase of each line in the block under the README's "## Layout"."""
    section = (ROOT / "README.md").read_text().split("\n## Layout\n")[1]
    lines = section.split("```")[1].splitlines()[1:]
    parts = (re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in lines if line.strip())
    return {path: "".join(phrase) for path, *phrase in parts}


def test_the_readme_lists_every_module() -> None:
    modules = {
        name
        for name in files()
        if name.startswith(tuple(f"{package}/" for package in PACKAGES))
        and name.endswith(".py")
        and not name.endswith("__init__.py")
    }
    assert modules - tree().keys() == set()


def test_all_that_the_readme_lists_exists_and_has_a_phrase() -> None:
    assert [path for path in tree() if not (ROOT / path).exists()] == []
    assert [path for path, phrase in tree().items() if not phrase] == []


def test_no_file_names_a_registry() -> None:
    names = re.compile(rb"index[-]url|\b(pypi|pythonhosted|download\.pytorch|npmjs)\.(org|com)", re.IGNORECASE)
    assert [name for name in files() if names.search((ROOT / name).read_bytes())] == []


def test_the_locks_hold_pins_only() -> None:
    for lock in (ROOT / "requirements").glob("[cg]pu.txt"):
        lines = [line.split("#")[0].strip() for line in lock.read_text().splitlines()]
        assert [line for line in lines if line and not re.fullmatch(r"[\w.-]+==[\w.+!]+", line)] == []
