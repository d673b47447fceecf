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
    "training": {"adapters", "training"},  # and the engine: see below
    "server": {"adapters", "server"},
    "loadtests": {"adapters", "loadtests", "server", "training"},
    "shoplora": {"adapters"},  # the rest when a verb is asked for
}
EVALUATION, ENGINE = "training.evaluation.", ("server.engine.", "server.settings", "server.errors")
LAYERS = (  # of training, the lowest first; above them all are the `cli` modules
    {"text", "html", "options"},
    {"examples"},
    {"public"},
    {"tasks"},
    {"data"},
    {"tuning"},
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
    paths = [ROOT / "shoplora.py", *(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


@cache
def imports() -> list[Import]:
    return [statement for name, path in sorted(modules().items()) for statement in _imports(name, path)]


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
    first_party = [statement for statement in imports() if package_of(statement.target) in MAY_IMPORT]
    wrong = (s for s in first_party if package_of(s.target) not in MAY_IMPORT[package_of(s.source)])
    check(s for s in wrong if not (s.source.startswith(EVALUATION) and s.target.startswith(ENGINE)))


def test_training_imports_from_its_own_layer_or_lower_ones() -> None:
    within = [
        statement
        for statement in imports()
        if statement.source.startswith("training.") and statement.target.startswith("training.")
    ]
    check(statement for statement in within if layer(statement.target) > layer(statement.source))


def test_only_the_application_imports_the_http_layer() -> None:
    over_http = [statement for statement in imports() if statement.target.startswith("server.http")]
    check(
        statement
        for statement in over_http
        if not statement.source.startswith(("server.http", "server.app", "loadtests"))
    )


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_no_module_imports_itself_by_way_of_others(package: str) -> None:
    graph: dict[str, set[str]] = {}
    for statement in imports():
        if package_of(statement.source) == package:
            graph.setdefault(statement.source, set()).add(statement.target)
    circle: list[str] = []
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert not circle, " is imported by ".join(circle)


def test_adapters_import_neither_torch_nor_vllm_at_the_top() -> None:
    heavy = [
        statement for statement in imports() if statement.top and package_of(statement.target) in ("torch", "vllm")
    ]
    check(statement for statement in heavy if package_of(statement.source) == "adapters")
    check_light(*(name for name in modules() if package_of(name) == "adapters"))


def test_the_command_imports_neither_torch_nor_vllm() -> None:
    check_light("shoplora")


def check_light(*names: str) -> None:
    """Neither is imported by way of other libraries either."""
    code = f"import sys, {', '.join(names)}; print(*sorted({{'torch', 'vllm'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
