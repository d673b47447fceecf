"""A base that vLLM cannot serve is refused in one line before anything is loaded. With vLLM's own configuration."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from adapters.errors import ShopLoraError
from adapters.ontology import Ontology
from adapters.prompts import end_token
from server.engine import config
from server.engine.config import _sequence_bytes, engine_config
from server.engine.vllm_settings import engine_arguments, set_environment
from server.settings import Settings
from tests.tiny import CONTEXT, HEAD, LAYERS, make_base

pytestmark = pytest.mark.engine

LONG = 131_072  # tokens


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(on_cpu=True)
    monkeypatch.setenv("VLLM_WORKER_MULTIPROC_METHOD", "fork")  # vLLM sets it, here for the test only


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory, ontology: Ontology) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("bases")

    def base(architecture: str) -> Path:
        path = folder / architecture
        return path if path.exists() else make_base(path, architecture, ontology)

    return base


@pytest.fixture
def base(bases: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(bases("llama"), tmp_path / "base"))


def configured(base: Path, context: int | None = 256, **settings: Any) -> Any:
    return engine_config(engine_arguments(Settings(**settings), base, [8], ["o_proj"], 1), context)


def change(path: Path, **values: Any) -> None:
    """Writes these values into a JSON file; None removes one."""
    changed = json.loads(path.read_text()) | values
    path.write_text(json.dumps({name: value for name, value in changed.items() if value is not None}))


@pytest.mark.parametrize(
    ("needed", "setting", "context"),
    [(256, None, 256), (2 * CONTEXT, None, CONTEXT), (None, None, CONTEXT), (256, 300, 300)],
)
def test_the_context_is_what_is_needed_and_possible_unless_the_operator_sets_it(
    base: Path, needed: int | None, setting: int | None, context: int
) -> None:
    assert configured(base, needed, max_model_len=setting).model_config.max_model_len == context


def refusal(base: Path, **settings: Any) -> str:
    with pytest.raises(ShopLoraError) as raised:
        configured(base, **settings)
    [line] = str(raised.value).splitlines()
    assert len(line) < 600
    return line


def test_more_context_than_the_base_has_is_refused_with_both_numbers(base: Path) -> None:
    assert f"SHOPLORA_MAX_MODEL_LEN is 9999, more than the {CONTEXT} tokens" in refusal(base, max_model_len=9999)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"architectures": ["NewForCausalLM"]}, "['NewForCausalLM'] are not supported"),
        ({"model_type": "new"}, "model type `new`"),
        ({"vision_config": {}}, "also reads images"),
    ],
)
def test_an_architecture_that_vllm_does_not_know_is_refused_quietly(
    base: Path, values: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(config, "find_spec", lambda name: None)  # no torchvision
    change(base / "config.json", **values)
    assert reason in refusal(base)
    assert "ERROR" not in "".join(capfd.readouterr())


def test_an_architecture_without_lora_in_vllm_is_refused(bases: Callable[[str], Path]) -> None:
    assert "no LoRA adapters on GPT2LMHeadModel" in refusal(bases("gpt2"))


def test_a_tokenizer_without_an_end_token_is_refused(base: Path) -> None:
    change(base / "tokenizer_config.json", eos_token=None)
    with pytest.raises(ShopLoraError) as in_training:
        end_token(AutoTokenizer.from_pretrained(base))
    assert refusal(base) == str(in_training.value)  # which names the base and what to set


def test_a_base_without_its_tokenizer_is_refused(base: Path) -> None:
    for path in base.glob("token*"):
        path.unlink()
    assert "tokenizer" in refusal(base)


def test_too_little_memory_is_noticed_before_the_base_is_loaded(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "free_memory", lambda: 100_000)
    assert "0.00 GiB are free" in refusal(base)


@pytest.mark.parametrize(
    ("window", "kinds", "share"),
    [
        (32, ["sliding_attention", "full_attention"], 1 / 2),
        (32, ["sliding_attention", "sliding_attention"], 0),
        (32, ["full_attention", "full_attention"], 1),
        (LONG, ["sliding_attention", "full_attention"], 1),
    ],
)
def test_a_layer_with_a_sliding_window_needs_memory_for_the_window_only(
    bases: Callable[[str], Path], tmp_path: Path, window: int, kinds: list[str], share: float
) -> None:
    base = Path(shutil.copytree(bases("gemma3"), tmp_path / "base"))
    values = {"sliding_window": window, "layer_types": kinds, "max_position_embeddings": LONG}
    change(base / "config.json", **values)
    config = configured(base, LONG)
    all_full = 2 * LAYERS * HEAD * 2 * LONG  # keys and values of one head in bfloat16
    in_flight = 2 * LAYERS * HEAD * 2 * (window + config.max_in_flight_tokens + 2 * config.cache_config.block_size)
    needed = _sequence_bytes(config)
    assert share * all_full <= needed <= share * all_full + in_flight
    assert in_flight < all_full / 8 or window == LONG


def test_a_window_without_kinds_of_layers_is_that_of_all(base: Path) -> None:
    change(base / "config.json", sliding_window=32, max_position_embeddings=LONG, architectures=["MistralForCausalLM"])
    change(base / "config.json", model_type="mistral")
    assert _sequence_bytes(configured(base, LONG)) < 2 * LAYERS * HEAD * 2 * LONG / 8
