"""What each Dockerfile copies is enough to start: the same files, installed in a folder and run there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from fnmatch import fnmatch
from pathlib import Path
from site import getsitepackages
from typing import NamedTuple

import pytest

import shoplora
from adapters.base import base_digest, base_folder
from adapters.settings import DEFAULT_BASE
from training.studies.local_server import running

ROOT = Path(__file__).parents[2]
DOCKERFILES = sorted((ROOT / "deploy").glob("Dockerfile.*"))


def in_context(path: Path) -> bool:
    """Whether `.dockerignore` lets a path into the build context: of the patterns that match, the last decides."""
    included = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if any(fnmatch(str(part), pattern) for part in (path, *path.parents)):
            included = line.startswith("!")
    return included


def copy_context(dockerfile: Path, target: Path) -> None:
    """What the COPY lines of a Dockerfile copy from the repository to its working folder."""
    for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile.read_text(), re.MULTILINE):
        *sources, place = shlex.split(line)
        for source in sources:
            assert in_context(Path(source)), f"{dockerfile.name} copies {source}, which .dockerignore excludes"
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, target / place, ignore=ignored)
            else:
                shutil.copy(ROOT / source, target / place)


def ignored(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not in_context(Path(folder, name).relative_to(ROOT))}


class Image(NamedTuple):
    """What an image holds: its working folder, and the Python and the command of its environment."""

    dockerfile: Path
    folder: Path
    python: Path
    command: str


@pytest.fixture(scope="module", params=DOCKERFILES, ids=lambda path: path.name)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """It sees this environment's packages, but not this checkout."""
    tree, environment = tmp_path_factory.mktemp("app"), tmp_path_factory.mktemp("venv")
    copy_context(request.param, tree)
    venv.create(environment)
    python = environment / "bin/python"
    [site] = environment.glob("lib/python*/site-packages")
    (site / "test_environment.pth").write_text("\n".join(getsitepackages()))  # not what its own .pth files name
    options = ["--ignore-installed", "--no-index", "--no-deps", "--no-build-isolation", "--quiet"]
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", *options, "--editable", str(tree)]
    subprocess.run(pip, check=True, env=clean())
    script = "import server; print(server.__path__[0])"
    place = subprocess.check_output([python, "-c", script], cwd=tree.parent, env=clean(), text=True)
    assert place.strip() == str(tree / "server")
    return Image(request.param, tree, python, str(environment / "bin/shoplora"))


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SHOPLORA_"))}


def run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([command, *arguments], text=True, capture_output=True, env=clean())


def test_the_help_lists_the_verbs_of_the_packages_in_the_image(image: Image) -> None:
    done = run(image.command, "--help")
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"^│ (\w+) ", done.stdout, re.MULTILINE)) == shoplora.VERBS.keys() - {"bench"}


def test_a_verb_whose_package_is_not_in_the_image_is_an_error_of_one_line(image: Image) -> None:
    done = run(image.command, "bench", "--help")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "`shoplora bench` needs the package `loadtests`, which is not installed\n"


def settings(dockerfile: Path) -> dict[str, str]:
    """The variables of the server that the image sets."""
    return dict(re.findall(r"(SHOPLORA_\w+)=(\S+)", dockerfile.read_text()))


@pytest.mark.engine
def test_the_image_holds_the_default_base_and_serves(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [line] = re.findall(r"^RUN (cp -r .*\n.*base)$", image.dockerfile.read_text(), re.MULTILINE)
    subprocess.run(line.replace(".venv/bin/python", str(image.python)), shell=True, check=True, cwd=image.folder)
    base = Path(settings(image.dockerfile)["SHOPLORA_BASE"].replace("/app", str(image.folder)))
    assert base_digest(base) == base_digest(base_folder(DEFAULT_BASE))
    monkeypatch.chdir(tmp_path)
    environment = {**clean(), "SHOPLORA_STORE": str(tmp_path), "SHOPLORA_BASE": str(base)}
    with running([image.command, "serve"], environment, ready="/health"):
        pass
