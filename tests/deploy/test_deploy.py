"""The files of deploy/, checked without a container engine. `test_image.py` runs what the images hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILES = sorted(DEPLOY.glob("Dockerfile.*"))
DASHBOARDS = sorted((DEPLOY / "grafana/dashboards").glob("*.json"))
COMPOSE = sorted(DEPLOY.glob("compose*.yaml"))


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def services() -> Iterator[tuple[str, dict[str, Any]]]:
    return chain.from_iterable(load(path)["services"].items() for path in COMPOSE)


def instructions(path: Path) -> list[tuple[str, str]]:
    """Each instruction of a Dockerfile and its argument, continuation lines joined."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    split = (line.split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [(name, argument) for name, argument in split]


def expressions(dashboard: Path) -> Iterator[str]:
    """All the PromQL of a dashboard, that of its variables included."""
    model = json.loads(dashboard.read_text())
    for panel in model["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (variable["query"]["query"] for variable in model["templating"]["list"])


def metric_names(expression: str) -> set[str]:
    """Names that a selector follows, or that label_values takes."""
    return set(re.findall(r"([A-Za-z_:][\w:]*)\s*\{", expression)) | set(
        re.findall(r"label_values\((\w[\w:]*)\s*,", expression)
    )


@pytest.fixture(scope="module")
def exposed() -> set[str]:
    """The series that the server's own metrics show."""
    from server.metrics import Metrics

    metrics = Metrics()
    metrics.announce("classify", "classify@1")
    return {s.name for family in metrics.registry.collect() for s in family.samples}


def test_every_image_is_pinned() -> None:
    images = [service["image"] for _, service in services() if "image" in service]
    based = [arg for path in DOCKERFILES for name, arg in instructions(path) if name == "FROM"]
    images += [arg.split()[0] for arg in based]
    assert images
    for image in images:
        _, _, tag = image.partition(":")
        assert tag and tag != "latest" and "$" not in tag, image


def test_what_is_not_built_here_is_pinned_to_a_release() -> None:
    for name, service in services():
        if name != "server":
            assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name


def test_no_port_is_published_beyond_loopback() -> None:
    published = [port for _, service in services() for port in service.get("ports", [])]
    assert len(published) == 3
    assert [port for port in published if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)] == []
    assert not any(service.get("network_mode") == "host" for _, service in services())


def test_what_compose_mounts_and_builds_exists() -> None:
    volumes = set(load(DEPLOY / "compose.yaml")["volumes"])
    for _, service in services():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in volumes
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()


def test_compose_waits_until_the_server_is_ready() -> None:
    check = load(DEPLOY / "compose.yaml")["services"]["server"]["healthcheck"]["test"]
    assert "http://127.0.0.1:8000/ready" in " ".join(check)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_images_serve_without_root_and_check_their_health(dockerfile: Path) -> None:
    last = dict(instructions(dockerfile))
    assert last["USER"] not in ("root", "0")
    assert last["EXPOSE"] == "8000"
    assert "http://127.0.0.1:8000/health" in last["HEALTHCHECK"]
    assert json.loads(last["CMD"]) == ["shoplora", "serve", "--host", "0.0.0.0"]
    check = re.search(r"CMD (\[.*\])", last["HEALTHCHECK"])
    assert check
    compile(json.loads(check[1])[2], "healthcheck", "exec")
    assert "libtcmalloc-minimal4" in dockerfile.read_text()


def test_prometheus_scrapes_the_server() -> None:
    (job,) = load(DEPLOY / "prometheus.yml")["scrape_configs"]
    assert job.get("metrics_path", "/metrics") == "/metrics"
    ((target,),) = [config["targets"] for config in job["static_configs"]]
    host, port = target.split(":")
    assert host in load(DEPLOY / "compose.yaml")["services"]
    assert port == "8000"


def test_grafana_finds_its_data_source_and_dashboards() -> None:
    provisioning = DEPLOY / "grafana/provisioning"
    (source,) = load(provisioning / "datasources/prometheus.yaml")["datasources"]
    (provider,) = load(provisioning / "dashboards/files.yaml")["providers"]
    grafana = load(DEPLOY / "compose.yaml")["services"]["grafana"]
    mounts = dict(mount.split(":")[:2] for mount in grafana["volumes"])
    assert mounts["./grafana/dashboards"] == provider["options"]["path"]
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert home.name in {path.name for path in DASHBOARDS}
    for dashboard in DASHBOARDS:
        for panel in json.loads(dashboard.read_text())["panels"]:
            used = {target["datasource"]["uid"] for target in panel["targets"]}
            assert used == {source["uid"]}, panel["title"]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.name)
def test_every_metric_of_the_dashboard_exists(dashboard: Path, exposed: set[str]) -> None:
    for expression in expressions(dashboard):
        names = metric_names(expression)
        assert names, expression
        own = {name for name in names if not name.startswith("vllm:")}
        assert own <= exposed, expression


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.name)
def test_the_dashboard_groups_by_labels_that_exist(dashboard: Path) -> None:
    from server.metrics import LABELS

    grouped = re.findall(r"by \(([^)]*)\)", " ".join(expressions(dashboard)))
    labels = {label.strip() for group in grouped for label in group.split(",")}
    assert labels <= {*LABELS, "le", "outcome"}
    assert set(LABELS) <= labels


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.name)
def test_the_dashboards_panels_do_not_overlap(dashboard: Path) -> None:
    panels = json.loads(dashboard.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
