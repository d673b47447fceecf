"""The kernel inside vLLM against transformers and PEFT, in float32.

Two slots for three adapters, so that slots are evicted and reused while requests run.
"""

from __future__ import annotations

import multiprocessing
import tomllib
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from adapters.ontology import Ontology
from server.engine.vllm_settings import set_environment
from tests.tiny import make_base

pytestmark = pytest.mark.engine

TARGETS = {
    "attention": ["q_proj", "v_proj", "o_proj"],  # of the fused qkv, k stays the base's
    "feed_forward": ["gate_proj", "up_proj", "down_proj"],
    "everything": ["q_proj", "k_proj", "o_proj", "up_proj", "embed_tokens", "lm_head"],
}
TOKENS = 12
NAMES = ("attention", None, "feed_forward", "everything", None, "everything", "attention", None)
REQUESTS = [([31 * i + j for j in range(3 + 9 * i)], name) for i, name in enumerate(NAMES)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, ontology: Ontology) -> Path:
    return make_base(tmp_path_factory.mktemp("lora") / "base", "llama", ontology)


@pytest.fixture(scope="module")
def adapters(base: Path) -> dict[str, Path]:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folders = {}
    for seed, (name, targets) in enumerate(TARGETS.items()):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        rank = 4 * (seed + 1)
        peft = get_peft_model(model, LoraConfig(r=rank, lora_alpha=rank, target_modules=targets))
        for parameter, weight in peft.named_parameters():
            if "lora_" in parameter:
                weight.data.normal_(std=0.3)
        folders[name] = base.parent / name
        peft.save_pretrained(folders[name], save_embedding_layers=False)
    return folders


@pytest.fixture(scope="module")
def expected(base: Path, adapters: dict[str, Path]) -> list[list[int]]:
    """The tokens that transformers and PEFT write, one request at a time."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    written = []
    for prompt, name in REQUESTS:
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        if name:
            model = PeftModel.from_pretrained(model, adapters[name])
        tokens = torch.tensor([prompt])
        for _ in range(TOKENS):
            best = model(input_ids=tokens).logits[:, -1:].argmax(-1)
            tokens = torch.cat([tokens, best], 1)
        written.append(tokens[0, len(prompt) :].tolist())
    return written


def generate(base: Path, adapters: dict[str, Path], sharded: bool) -> dict[str, Any]:
    """All requests at once, then each alone; for a process of its own, where the engine lives."""
    set_environment(on_cpu=True)
    import torch
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest

    from server.cpu_lora.plugin import register

    register()
    register()
    torch.set_num_threads(1)  # fewer than there are cores
    llm = LLM(
        str(base),
        dtype="float32",
        enforce_eager=True,
        kv_cache_memory_bytes=64 * 1024**2,
        enable_lora=True,
        max_loras=2,
        max_cpu_loras=3,
        max_lora_rank=16,
        fully_sharded_loras=sharded,
        max_num_seqs=4,
        max_num_batched_tokens=64,  # long prompts come in chunks, beside other requests' steps
        enable_prefix_caching=False,
    )
    loras = {name: LoRARequest(name, number, str(folder)) for number, (name, folder) in enumerate(adapters.items(), 1)}

    def written(requests: list[tuple[list[int], str | None]]) -> list[list[int]]:
        outputs = llm.generate(
            [{"prompt_token_ids": prompt} for prompt, _ in requests],
            SamplingParams(temperature=0, max_tokens=TOKENS, ignore_eos=True),
            use_tqdm=False,
            lora_request=[loras.get(name or "") for _, name in requests],
        )
        return [list(output.outputs[0].token_ids) for output in outputs]

    [wrapper] = llm.apply_model(_wrapper)
    return {
        "wrapper": wrapper,
        "threads": torch.get_num_threads(),
        "mixed": written(REQUESTS),
        "alone": [written([request])[0] for request in REQUESTS],
    }


def _wrapper(model: Any) -> str:
    [wrapper] = model.lora_manager.punica_wrapper_mapping.values()
    return type(wrapper).__name__


@pytest.fixture(scope="module", params=[False, True], ids=["whole", "fully sharded"])
def generated(request: pytest.FixtureRequest, base: Path, adapters: dict[str, Path]) -> dict[str, Any]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(generate, base, adapters, request.param).result()


def test_registered_twice_it_is_the_kernel_that_runs(generated: dict[str, Any]) -> None:
    assert generated["wrapper"] == "CpuLora"


def test_torch_keeps_its_threads(generated: dict[str, Any]) -> None:
    assert generated["threads"] == 1


@pytest.mark.parametrize("how", ["mixed", "alone"])
def test_every_request_gets_its_adapter_or_none(generated: dict[str, Any], expected: list[list[int]], how: str) -> None:
    assert generated[how] == expected
    assert len({tuple(tokens) for tokens in expected}) == len(REQUESTS)


def test_vllm_finds_the_plugin_by_its_entry_point() -> None:
    from server.cpu_lora.plugin import register

    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    [(name, value)] = project["entry-points"]["vllm.general_plugins"].items()
    assert EntryPoint(name, value, "vllm.general_plugins").load() is register


def test_on_a_gpu_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    from vllm import platforms

    from server.cpu_lora.plugin import register

    class Gpu:
        is_cpu = staticmethod(lambda: False)

    monkeypatch.setattr(platforms, "_current_platform", Gpu())
    register()
    assert not hasattr(Gpu, "get_punica_wrapper")
