"""The rules about files: the tree in docs/architecture.md, and what no file may name."""

import re
import subprocess
from pathlib import Path

from tests.test_imports import modules

ROOT = Path(__file__).parent.parent
SKIPPED = {".git", ".venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"}


def files() -> list[str]:
    if (ROOT / ".git").exists():
        listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
        paths = [ROOT / name for name in listed.split("\0") if name]
    else:
        paths = [p for p in ROOT.rglob("*") if not SKIPPED & set(p.relative_to(ROOT).parts)]
    return sorted(str(path.relative_to(ROOT)) for path in paths if path.is_file())


def tree() -> dict[str, str]:
    """Path and phrase of each line in the block under "## Files" of docs/architecture.md."""
    block = (ROOT / "docs/architecture.md").read_text().split("\n## Files\n")[1].split("```")[1]
    phrases, parents = {}, [""]
    for line in filter(None, block.splitlines()[1:]):
        depth = (len(line) - len(line.lstrip())) // 2
        name, _, phrase = line.strip().partition("  ")
        parents[depth + 1 :] = [parents[depth] + name]
        phrases[parents[-1]] = phrase.strip()
    return phrases


def test_the_tree_lists_every_module() -> None:
    paths = {str(path.relative_to(ROOT)) for path in modules().values() if path.name != "__init__.py"}
    assert paths - tree().keys() == set()


def test_every_path_in_the_tree_exists_and_has_a_phrase() -> None:
    assert [path for path in tree() if not (ROOT / path).exists()] == []
    assert [path for path, phrase in tree().items() if not phrase] == []


def test_no_file_names_a_registry() -> None:
    names = re.compile(rb"index[-]url|\b(pypi|pythonhosted|download\.pytorch|npmjs)\.(org|com)", re.IGNORECASE)
    assert [name for name in files() if names.search((ROOT / name).read_bytes())] == []


def test_the_locks_hold_pins_only() -> None:
    for lock in (ROOT / "requirements").glob("[cg]pu.txt"):
        lines = [line.split("#")[0].strip() for line in lock.read_text().splitlines()]
        assert [line for line in lines if line and not re.fullmatch(r"[\w.-]+==[\w.+!]+", line)] == []
