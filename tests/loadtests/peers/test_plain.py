"""How plain vLLM is started, and how its answers are read; vLLM itself takes a minute and is not started here."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from adapters.adapter_folder import CONFIG, WEIGHTS, check_files, read_config
from adapters.ontology import Ontology
from adapters.tasks import classify, tasks
from loadtests.peers import as_json, plain
from tests.tiny import make_weights

SHOP = Ontology.load()
every_task = pytest.mark.parametrize("name", sorted(as_json.JSON_TASKS))


def completion(content: str) -> dict[str, Any]:
    return {"choices": [{"message": {"content": content}}], "usage": {"completion_tokens": 9}}


def test_no_setting_of_this_projects_engine_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VLLM_CPU_OMP_THREADS_BIND", "OMP_NUM_THREADS", "KMP_BLOCKTIME"):
        monkeypatch.setenv(name, "7")
    monkeypatch.setenv("HTTPS_PROXY", "proxy")
    environment = plain.environment()
    assert environment["VLLM_PLUGINS"] == ""
    assert environment["HTTPS_PROXY"] == "proxy"
    set_here = {name for name in environment if name.startswith(plain.OURS)}
    assert set_here == set(plain.ENVIRONMENT)


@every_task
def test_each_task_has_an_adapter_that_it_is_started_with(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = plain.ADAPTERS / name
    base = make_weights(tmp_path / "base")
    monkeypatch.setenv("SHOPLORA_BASE", str(base))
    assert {f"{name}={folder}", str(base)} <= {*plain.command()}
    check_files(folder, required={CONFIG, WEIGHTS}, allowed=set())
    config = read_config(folder / CONFIG)
    assert json.loads((folder / CONFIG).read_text()) == config  # without a path of a base
    assert config["r"] <= 16
    with safe_open(folder / WEIGHTS, "pt") as weights:
        assert {weights.get_slice(key).get_dtype() for key in weights.keys()} == {"BF16"}  # noqa: SIM118


@every_task
def test_a_request_is_the_tasks_prompt_with_its_schema(name: str) -> None:
    task = tasks()[name]
    path, body = plain.http_request(name, task.example, SHOP)
    assert path == "/v1/chat/completions"
    assert body["model"] == name
    assert body["messages"] == task.prompt(task.request.model_validate(task.example), SHOP)
    assert body["response_format"]["json_schema"]["schema"] == as_json.schema(name, SHOP)
    assert json.loads(json.dumps(body)) == body


def test_an_answer_is_read_as_tokens_and_labels() -> None:
    content = '{"category":"Shirts","gender":"men"}'
    labels = classify.Labels(category="Shirts", attributes={"gender": "men"})
    example = tasks()["classify"].example
    assert plain.read_answer("classify", example, completion(content), SHOP) == (9, labels)
    assert plain.read_answer("classify", example, completion('{"category":"Shir'), SHOP) == (9, None)


def test_the_adapters_are_installed_with_the_package() -> None:
    pyproject = tomllib.loads((Path(plain.__file__).parents[2] / "pyproject.toml").read_text())
    assert "adapters/**" in pyproject["tool"]["setuptools"]["package-data"]["loadtests.peers"]
