"""Transformers and PEFT behind FastAPI as a peer: one model, the adapter switched for each request.

    uvicorn --factory loadtests.peers.peft_server:create_app

Loads the base and its live adapters and uses the tasks' prompts; decodes greedily, without a grammar.
`loadtests.peers.peft` starts it. Float32 on one thread: bfloat16 and two threads are slower with a base this small.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import torch
from fastapi import FastAPI
from peft import PeftModel
from pydantic import BaseModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from adapters.base import base_digest, base_folder
from adapters.ontology import Ontology
from adapters.prompts import token_ids
from adapters.settings import SharedSettings
from adapters.store import Store
from adapters.tasks import tasks


class Line(BaseModel):
    """An answer line and its number of tokens."""

    line: str
    tokens: int


class Model:
    """The base with each of its live adapters loaded; one request is answered at a time."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        self._ontology = Ontology.load()
        settings = SharedSettings()
        base = base_folder(settings.base)
        self._tokenizer = AutoTokenizer.from_pretrained(base)
        self._model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        digest = base_digest(base)
        for channel, version in Store(settings.store).live().items():
            if version.manifest.base_digest.difference(digest):
                continue
            if isinstance(self._model, PeftModel):
                self._model.load_adapter(version.folder, channel)
            else:
                self._model = PeftModel.from_pretrained(self._model, version.folder, channel)
        self._model.eval()
        self._lock = Lock()

    def answer(self, name: str, body: dict[str, Any]) -> Line:
        task = tasks()[name]
        request = task.request.model_validate(body)
        prompt = torch.tensor([token_ids(self._tokenizer, task.prompt(request, self._ontology))])
        with self._lock, torch.inference_mode():
            self._model.set_adapter(task.channel(request))
            [ids] = self._model.generate(
                input_ids=prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=task.max_tokens(request),
                do_sample=False,
                use_cache=True,
            )
        written = ids[prompt.shape[1] :]
        line = self._tokenizer.decode(written, skip_special_tokens=True)
        return Line(line=line, tokens=len(written))


def create_app() -> FastAPI:
    model, app = Model(), FastAPI()

    @app.get("/health")
    def health() -> None:
        """Answers once the model is loaded."""

    @app.post("/v1/{name}")
    def answer(name: str, body: dict[str, Any]) -> Line:
        return model.answer(name, body)

    return app
