"""Answer lines from a model, constrained by the task's grammar as in serving. Knows no metric.

Plain transformers, so that training and evaluation need no server; `tests` hold its lines against
the real engine's. Called by `training.evaluation.evaluate` and `training.tasks.baselines`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import xgrammar
from peft import PeftModel
from rich.progress import track
from transformers import AutoModelForCausalLM, AutoTokenizer
from xgrammar.contrib.hf import LogitsProcessor

from adapters.ontology import Ontology
from adapters.tasks.contract import Message, Task

GRAMMARS = 256 * 2**20  # bytes of compiled grammars that are kept


@dataclass(frozen=True, slots=True)
class Decoded:
    """A line, the log-probability of all its tokens together, and how many they are."""

    line: str
    logprob: float
    tokens: int


class Decoder:
    """A base model, with or without an adapter, that answers a task's requests."""

    def __init__(self, base: Path, adapter: Path | None, ontology: Ontology) -> None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._tokenizer = AutoTokenizer.from_pretrained(base, padding_side="left")
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        if adapter is not None:
            model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
        self._model = model.to(device).eval()
        self._context = model.config.max_position_embeddings
        self._ontology = ontology
        vocabulary = model.config.vocab_size
        info = xgrammar.TokenizerInfo.from_huggingface(self._tokenizer, vocab_size=vocabulary)
        self._compiler = xgrammar.GrammarCompiler(info, cache_limit_bytes=GRAMMARS)

    def lines(
        self,
        task: Task[Any, Any],
        requests: Sequence[Any],
        *,
        samples: int = 1,
        temperature: float = 0.0,
        max_tokens: int | None = None,
        batch: int = 64,
        seed: int = 0,
        shots: Sequence[Sequence[list[Message]]] | None = None,
    ) -> list[list[Decoded]]:
        """`samples` lines for each request, in the order of the requests.

        `shots`: of each request the turns of examples that may come before it, nearest first; as
        many are shown as the context has room for, the nearest last.
        """
        torch.manual_seed(seed)
        limits = [max_tokens or task.max_tokens(request) for request in requests]
        room = self._context - max(limits, default=0)
        prompts = [
            self._prompt(task.prompt(request, self._ontology), shots[i] if shots else (), room)
            for i, request in enumerate(requests)
        ]
        order = sorted(range(len(requests)), key=lambda i: len(prompts[i]))
        found: list[list[Decoded]] = [[] for _ in requests]
        size = max(1, batch // samples)
        for start in track(range(0, len(order), size), f"{task.name}: answering", transient=True):
            chosen = order[start : start + size]
            grammars = [
                self._compiler.compile_grammar(task.grammar(requests[i], self._ontology))
                for i in chosen
                for _ in range(samples)
            ]
            limit = max(limits[i] for i in chosen)
            decoded = self._generate([prompts[i] for i in chosen], grammars, samples, temperature, limit)
            for n, line in enumerate(decoded):
                found[chosen[n // samples]].append(line)
        return found

    def _prompt(self, messages: list[Message], shots: Sequence[list[Message]], room: int) -> str:
        for n in range(len(shots), -1, -1):
            shown = [message for turns in reversed(shots[:n]) for message in turns]
            text: str = self._tokenizer.apply_chat_template(
                [*messages[:-1], *shown, messages[-1]], add_generation_prompt=True, tokenize=False
            )
            if n == 0 or len(self._tokenizer(text, add_special_tokens=False)["input_ids"]) <= room:
                break
        return text

    @torch.inference_mode()
    def _generate(
        self, prompts: list[str], grammars: list[Any], samples: int, temperature: float, limit: int
    ) -> list[Decoded]:
        inputs = self._tokenizer(
            prompts, return_tensors="pt", padding=True, add_special_tokens=False, return_token_type_ids=False
        ).to(self._model.device)
        sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        output = self._model.generate(
            **inputs,
            **(sampling if temperature else {"do_sample": False}),
            max_new_tokens=limit,
            num_return_sequences=samples,
            use_cache=True,
            logits_processor=[LogitsProcessor(grammars)],
            output_scores=True,
            return_dict_in_generate=True,
        )
        ids = output.sequences[:, inputs["input_ids"].shape[1] :]
        # The scores are after the temperature; the engine's log-probabilities are before it.
        chosen = torch.stack(
            [
                (step.float() * (temperature or 1.0)).log_softmax(-1).gather(1, ids[:, t : t + 1]).squeeze(1)
                for t, step in enumerate(output.scores)
            ],
            dim=1,
        )
        ended = (ids == self._tokenizer.eos_token_id).cumsum(1)
        counted = (ended - (ids == self._tokenizer.eos_token_id).long()) == 0
        totals = torch.where(counted, chosen, torch.zeros_like(chosen)).sum(1)
        texts = self._tokenizer.batch_decode(ids, skip_special_tokens=True)
        return [
            Decoded(text, float(total), int(n)) for text, total, n in zip(texts, totals, counted.sum(1), strict=True)
        ]
