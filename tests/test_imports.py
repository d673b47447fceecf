"""Which module may import which, at any depth of its code, and what must not be imported at the top."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "adapters": {"adapters"},
    "training": {"adapters", "training"},
    "server": {"adapters", "server"},
    "loadtests": {"adapters", "loadtests", "server", "training"},
}
LAYERS = (  # of training, the lowest first; above them all are the `cli` modules
    {"text", "html", "options"},
    {"examples"},
    {"public"},
    {"tasks"},
    {"data"},
    {"tuning"},
    {"base"},
    {"evaluation"},
    {"release"},
    {"studies"},
    {"pipeline"},
)


class Import(NamedTuple):
    """`source` imports `target` in that line; `top`: when it is imported itself."""

    source: str
    target: str
    line: int
    top: bool

    def __str__(self) -> str:
        return f"{self.source}, line {self.line}, imports {self.target}"


@cache
def modules() -> dict[str, Path]:
    """Every module by its dotted name; a package is its `__init__`."""
    paths = [path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py")]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


@cache
def imports() -> list[Import]:
    return [found for name, path in sorted(modules().items()) for found in _imports(name, path)]


def _imports(source: str, path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inner = {node for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{source}, line {node.lineno}: a relative import"
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            targets = {member if member in modules() else str(node.module) for member in members}
        else:
            continue
        for target in targets:
            yield Import(source, target, node.lineno, node not in inner)


def check(wrong: Iterable[Import]) -> None:
    if lines := "\n".join(map(str, wrong)):
        pytest.fail(lines, pytrace=False)


def package_of(module: str) -> str:
    return module.split(".")[0]


def layer(module: str) -> int:
    """The number of a module of training in LAYERS."""
    if module.endswith(".cli"):
        return len(LAYERS)
    return next(number for number, names in enumerate(LAYERS) if module.split(".")[1] in names)


def test_packages_import_one_way() -> None:
    first_party = [found for found in imports() if package_of(found.target) in MAY_IMPORT]
    check(i for i in first_party if package_of(i.target) not in MAY_IMPORT[package_of(i.source)])


def test_training_imports_from_its_own_layer_or_lower_ones() -> None:
    within = [
        found for found in imports() if found.source.startswith("training.") and found.target.startswith("training.")
    ]
    check(found for found in within if layer(found.target) > layer(found.source))


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_no_module_imports_itself_by_way_of_others(package: str) -> None:
    graph: dict[str, set[str]] = {}
    for found in imports():
        if package_of(found.source) == package:
            graph.setdefault(found.source, set()).add(found.target)
    circle: list[str] = []
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert not circle, " is imported by ".join(circle)


def test_adapters_import_neither_torch_nor_vllm_at_the_top() -> None:
    heavy = [found for found in imports() if found.top and package_of(found.target) in ("torch", "vllm")]
    check(found for found in heavy if package_of(found.source) == "adapters")
    check_light(*(name for name in modules() if package_of(name) == "adapters"))


def test_the_command_imports_neither_torch_nor_vllm() -> None:
    check_light("shoplora")


def check_light(*names: str) -> None:
    """Neither is imported by way of other libraries either."""
    code = f"import sys, {', '.join(names)}; print(*sorted({{'torch', 'vllm'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
