"""The rules about files: the tree in docs/architecture.md, the import rules, what no file may name."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    """Path and phrase of each line in the block under "## Files" of docs/architecture.md."""
    block = (ROOT / "docs/architecture.md").read_text().split("\n## Files\n")[1].split("```")[1]
    phrases, parents = {}, [""]
    for line in filter(None, block.splitlines()[1:]):
        depth = (len(line) - len(line.lstrip())) // 2
        name, _, phrase = line.strip().partition("  ")
        parents[depth + 1 :] = [parents[depth] + name]
        phrases[parents[-1]] = phrase.strip()
    return phrases


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_the_tree_lists_every_module() -> None:
    modules = {
        name
        for name in files()
        if name.startswith(tuple(f"{package}/" for package in PACKAGES))
        and name.endswith(".py")
        and not name.endswith("__init__.py")
    }
    assert modules - tree().keys() == set()


def test_every_path_in_the_tree_exists_and_has_a_phrase() -> None:
    assert [path for path in tree() if not (ROOT / path).exists()] == []
    assert [path for path, phrase in tree().items() if not phrase] == []


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("adapters", {"server", "training", "loadtests"}),
        ("training", {"server", "loadtests"}),
        ("server", {"training", "loadtests"}),
    ],
)
def test_imports_point_one_way(package: str, forbidden: set[str]) -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / package).rglob("*.py")
        for name in imports(path)
        if name in forbidden
    }
    assert wrong == set()


def light(statements: str) -> None:
    check = "import sys; print(*sorted({'torch', 'vllm'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", f"{statements}\n{check}"], cwd=ROOT, text=True, capture_output=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_adapters_import_neither_vllm_nor_torch() -> None:
    modules = (p.relative_to(ROOT).with_suffix("") for p in (ROOT / "adapters").rglob("*.py"))
    names = (".".join(path.parts).removesuffix(".__init__") for path in modules)
    light("\n".join(f"import {name}" for name in sorted(names)))


def test_the_command_imports_neither_vllm_nor_torch() -> None:
    light("import shoplora")


def test_no_file_names_a_registry() -> None:
    names = re.compile(rb"index[-]url|\b(pypi|pythonhosted|download\.pytorch|npmjs)\.(org|com)", re.IGNORECASE)
    assert [name for name in files() if names.search((ROOT / name).read_bytes())] == []


def test_the_locks_hold_pins_only() -> None:
    for lock in (ROOT / "requirements").glob("[cg]pu.txt"):
        lines = [line.split("#")[0].strip() for line in lock.read_text().splitlines()]
        assert [line for line in lines if line and not re.fullmatch(r"[\w.-]+==[\w.+!]+", line)] == []
