"""Bases of the shapes that a shop may bring, with adapters of PEFT: the engine writes what transformers and PEFT write.

All engines run before transformers computes anything, since the engine core is a fork of this process.
"""

from __future__ import annotations

import asyncio
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.base import base_digest
from adapters.manifest import Draft
from adapters.ontology import Ontology
from adapters.store import Store, Version
from server.engine.engine import Engine
from server.engine.generation import Completion, Job
from server.errors import StartError
from server.settings import Settings
from tests.tiny import make_base
from training.tuning.modules import resolved

pytestmark = pytest.mark.engine

SHAPES = ("qwen3", "llama", "gemma3", "phi3")
CHOICES = {
    "classify": ["o_proj"],
    "rewrite": ["down_proj"],
    "extract": ["all-linear"],
}  # modules of each task's adapter
TOKENS = 8


@dataclass
class Written:
    base: Path
    prompt: list[int]
    completions: list[tuple[Version, Completion]]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory, ontology: Ontology) -> dict[str, tuple[Path, list[Version]]]:
    """A base of each shape, and its published adapters."""
    made = {}
    for shape in SHAPES:
        folder = tmp_path_factory.mktemp(shape)
        base = make_base(folder / "base", shape, ontology)
        store = Store(folder / "store", shipped=None)
        for task, choice in CHOICES.items():
            draft = Draft(task=task, base_digest=base_digest(base), ontology_digest=ontology.digest)
            store.publish(make_peft_adapter(folder / task, base, choice), draft, card="")
        made[shape] = base, list(store.live().values())
    return made


def make_peft_adapter(folder: Path, base: Path, choice: list[str]) -> Path:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(len(folder.name))
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    adapted = get_peft_model(model, LoraConfig(r=8, lora_alpha=8, target_modules=resolved(model, choice)))
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            weight.data.normal_(std=0.3)
    adapted.save_pretrained(folder, save_embedding_layers=False)
    return folder


@pytest.fixture(scope="module")
def written(bases: dict[str, tuple[Path, list[Version]]]) -> dict[str, Written]:
    async def write(base: Path, versions: list[Version]) -> Written:
        engine = Engine(Settings(dtype="float32"))
        try:
            await engine.start(base, folders_of(versions))
            prompt = engine.tokenize([{"role": "user", "content": "a red shirt"}], TOKENS)
            jobs = (Job(version.name, version.name, prompt, "root ::= [a-z]+", TOKENS) for version in versions)
            generations = await asyncio.gather(*map(engine.generate, jobs))
        finally:
            await engine.close()
        return Written(base, prompt, [(v, g.completions[0]) for v, g in zip(versions, generations, strict=True)])

    with warnings.catch_warnings():  # the engine core is a fork and would raise warnings as errors, as tests do
        warnings.simplefilter("ignore")
        return {shape: asyncio.run(write(*base)) for shape, base in bases.items()}


def test_a_core_that_does_not_start_gives_its_reason_and_no_traceback(
    bases: dict[str, tuple[Path, list[Version]]],
    written: dict[str, Written],  # first
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1000000")
    engine = Engine(Settings())
    with pytest.raises(StartError, match=r"VLLM_CPU_KVCACHE_SPACE gives the cache 1000000\.00 GiB.* GiB are free$"):
        base, versions = bases["llama"]
        asyncio.run(engine.start(base, folders_of(versions)))
    asyncio.run(engine.close())
    assert not re.search("Traceback|ERROR", "".join(capfd.readouterr()))


def folders_of(versions: list[Version]) -> dict[str, Path]:
    return {version.name: version.folder for version in versions}


@pytest.mark.parametrize("shape", SHAPES)
def test_adapters_on_every_module_do_what_they_do_in_peft(shape: str, written: dict[str, Written]) -> None:
    answers = written[shape]
    assert len({completion.text for _, completion in answers.completions}) == len(CHOICES)
    for version, completion in answers.completions:
        text, logprob = write_with_peft(answers.base, version, answers.prompt)
        assert completion.text == text, version.name
        assert completion.logprob == pytest.approx(logprob, abs=1e-3)


def write_with_peft(base: Path, version: Version, prompt: list[int]) -> tuple[str, float]:
    """Greedy decoding of small letters, as the grammar of the jobs has it, and the sum of the log-probabilities."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), version.folder)
    letters = torch.tensor([bool(re.fullmatch("[a-z]+", tokenizer.decode([i]))) for i in range(len(tokenizer))])
    line: list[int] = []
    total = 0.0
    for _ in range(TOKENS):
        letters[tokenizer.eos_token_id] = bool(line)
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([prompt + line])).logits[0, -1, : len(letters)]
        logprobs = logits.masked_fill(~letters, float("-inf")).log_softmax(-1)
        best = int(logprobs.argmax())
        total += float(logprobs[best])
        if best == tokenizer.eos_token_id:
            break
        line.append(best)
    return tokenizer.decode(line), total
