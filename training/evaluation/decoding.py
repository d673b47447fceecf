"""Answer lines of a model, constrained by the task's grammar as in serving. Knows no metric.

Uses transformers alone, so that evaluation needs no server; a test compares its answers with the real engine's.
Called by `evaluate` and `training.studies`.
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
from adapters.prompts import token_ids
from adapters.tasks.contract import Message, Task

GRAMMAR_CACHE = 256 * 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Decoded:
    """A line, the log-probability of the whole of it, and the number of its tokens."""

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
        self._compiler = xgrammar.GrammarCompiler(info, cache_limit_bytes=GRAMMAR_CACHE)

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

        `temperature`: 0 is greedy. `max_tokens`: of a line, if not the task's limit. `batch`: lines generated at a
        time. `shots`: for each request the messages of examples that may precede it, nearest first; as many as the
        context has room for are shown, the nearest last.
        """
        torch.manual_seed(seed)
        limits = [max_tokens or task.max_tokens(request) for request in requests]
        room = self._context - max(limits, default=0)
        chats = [
            self._with_shots(task.prompt(request, self._ontology), shots[i] if shots else (), room)
            for i, request in enumerate(requests)
        ]
        lengths = [sum(len(message["content"]) for message in chat) for chat in chats]
        order = sorted(range(len(requests)), key=lengths.__getitem__)  # little padding in a batch
        lines: list[list[Decoded]] = [[] for _ in requests]
        size = max(1, batch // samples)
        for start in track(range(0, len(order), size), f"{task.name}: answering", transient=True):
            chosen = order[start : start + size]
            grammars = [
                self._compiler.compile_grammar(task.grammar(requests[i], self._ontology))
                for i in chosen
                for _ in range(samples)
            ]
            limit = max(limits[i] for i in chosen)
            decoded = self._generate([chats[i] for i in chosen], grammars, samples, temperature, limit)
            for n, line in enumerate(decoded):
                lines[chosen[n // samples]].append(line)
        return lines

    def _with_shots(self, messages: list[Message], shots: Sequence[list[Message]], room: int) -> list[Message]:
        """The prompt with as many shots before its last message as leave it within `room` tokens."""
        for n in range(len(shots), 0, -1):
            shown = [message for turns in reversed(shots[:n]) for message in turns]
            chat = [*messages[:-1], *shown, messages[-1]]
            if len(token_ids(self._tokenizer, chat)) <= room:
                return chat
        return messages

    @torch.inference_mode()
    def _generate(
        self, chats: list[list[Message]], grammars: list[Any], samples: int, temperature: float, limit: int
    ) -> list[Decoded]:
        prompts = [token_ids(self._tokenizer, chat) for chat in chats]
        inputs = self._tokenizer.pad({"input_ids": prompts}, return_tensors="pt").to(self._model.device)
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
        is_end = ids == self._tokenizer.eos_token_id
        counted = is_end.cumsum(1) - is_end.long() == 0  # up to the first end, inclusive
        totals = torch.where(counted, chosen, torch.zeros_like(chosen)).sum(1)
        texts = self._tokenizer.batch_decode(ids, skip_special_tokens=True)
        return [
            Decoded(text, float(total), int(n)) for text, total, n in zip(texts, totals, counted.sum(1), strict=True)
        ]
