"""The rules about files: the tree in docs/architecture.md, the import rules, what no file may name."""

import ast
import re
import subprocess
import sys
from collections.abc import Collection
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("adapters", "server", "training", "loadtests")
TRAINING_LEVELS = (
    ("text", "html", "options"),
    ("examples",),
    ("public",),
    ("tasks",),
    ("data",),
    ("tuning",),
    ("base",),
    ("evaluation",),
    ("release",),
    ("studies",),
    ("pipeline",),
    ("cli",),
)
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


def modules() -> dict[str, Path]:
    """Every module of the project by its dotted name."""
    paths = [ROOT / "shoplora.py", *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))]
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths)
    return dict(zip(names, paths, strict=True))


def imports(path: Path, modules: Collection[str]) -> set[str]:
    """The project's modules that a file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in modules else node.module for name in inner}
    return names & set(modules)


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    """The project's modules, each with those that it imports."""
    paths = modules()
    return {name: imports(path, paths.keys()) for name, path in paths.items()}


def test_the_tree_lists_every_module() -> None:
    paths = {str(path.relative_to(ROOT)) for path in modules().values() if path.name != "__init__.py"}
    assert paths - tree().keys() == set()


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
def test_imports_between_packages_point_one_way(package: str, forbidden: set[str], graph: dict[str, set[str]]) -> None:
    edges = [(name, target) for name in graph for target in graph[name] if name.split(".")[0] == package]
    assert [edge for edge in edges if edge[1].split(".")[0] in forbidden] == []


def height(module: str) -> int:
    """On which level of TRAINING_LEVELS a module of `training` is."""
    name = "cli" if module.endswith(".cli") else module.split(".")[1]
    return next(number for number, names in enumerate(TRAINING_LEVELS) if name in names)


def test_a_module_of_training_imports_from_its_own_level_or_lower_ones(graph: dict[str, set[str]]) -> None:
    edges = [(name, target) for name in graph for target in graph[name] if name.startswith("training.")]
    inner = [edge for edge in edges if edge[1].startswith("training.")]
    assert [f"{name} imports {target}" for name, target in inner if height(target) > height(name)] == []


def test_only_the_application_imports_the_http_layer(graph: dict[str, set[str]]) -> None:
    domain = [
        name for name in graph if name.startswith("server.") and not name.startswith(("server.app", "server.http"))
    ]
    assert [name for name in domain if any(target.startswith("server.http") for target in graph[name])] == []


def test_no_imports_go_in_a_circle(graph: dict[str, set[str]]) -> None:
    TopologicalSorter(graph).prepare()  # raises CycleError with the circle


def light(statements: str) -> None:
    check = "import sys; print(*sorted({'torch', 'vllm'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", f"{statements}\n{check}"], cwd=ROOT, text=True, capture_output=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_adapters_import_neither_vllm_nor_torch() -> None:
    light("\n".join(f"import {name}" for name in sorted(modules()) if name.split(".")[0] == "adapters"))


def test_the_command_imports_neither_vllm_nor_torch() -> None:
    light("import shoplora")


def test_no_file_names_a_registry() -> None:
    names = re.compile(rb"index[-]url|\b(pypi|pythonhosted|download\.pytorch|npmjs)\.(org|com)", re.IGNORECASE)
    assert [name for name in files() if names.search((ROOT / name).read_bytes())] == []


def test_the_locks_hold_pins_only() -> None:
    for lock in (ROOT / "requirements").glob("[cg]pu.txt"):
        lines = [line.split("#")[0].strip() for line in lock.read_text().splitlines()]
        assert [line for line in lines if line and not re.fullmatch(r"[\w.-]+==[\w.+!]+", line)] == []
