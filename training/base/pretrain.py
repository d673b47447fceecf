"""The demo base: a small Qwen3-shaped model, trained from scratch on the corpus and its structure.

Knows the tokenizer, the chat template and the optimiser; the text comes from `training.base.corpus` and
`training.base.structure`. Muon (K. Jordan 2024, https://kellerjordan.github.io/posts/muon) on the
matrices, AdamW on embeddings and norms, a constant learning rate with a linear decay at the end
(WSD, arXiv:2405.18392). A run killed at any time resumes from its last checkpoint.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM, Trainer, TrainingArguments

from adapters.base import base_digest
from adapters.errors import ShopLoraError
from adapters.ontology import Ontology
from adapters.tasks import extract, rewrite
from training.base import corpus as corpora
from training.base.card import base_card
from training.base.structure import Structure, word_classes
from training.tuning.checkpoints import last_checkpoint

CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
STRUCTURE_SHARE = 0.25, 0.60  # of the tokens, at the start and at the end
console = Console()


class RunError(ShopLoraError):
    """The folder holds a run of another recipe; the message says what to do."""


@dataclass(frozen=True, slots=True)
class PretrainingRecipe:
    """Sizes, budget and learning rates of one pretraining run; saved beside the result."""

    hidden: int = 256
    layers: int = 6
    feed_forward: int = 704
    heads: int = 4
    kv_heads: int = 2
    head: int = 64
    vocabulary: int = 8192
    context: int = 512
    start: str | None = None  # digest of the base that the weights start from
    tokens: int = 16_000_000
    batch: int = 8  # sequences of `context` tokens
    muon_lr: float = 0.02
    adamw_lr: float = 4e-3
    weight_decay: float = 0.1  # of Muon's matrices
    warmup: float = 0.02  # share of the steps
    decay: float = 0.3
    seed: int = 0

    @property
    def steps(self) -> int:
        return self.tokens // (self.batch * self.context)


def run(recipe: PretrainingRecipe, output: Path, start: Path | None = None, compile_model: bool = True) -> Path:
    """Pretrain, or go on where an earlier run in `output` stopped; returns the model's folder.

    `start`: a base to begin with instead of random weights; its tokenizer and sizes are kept.

    Raises:
        training.public.sources.SourceError: the data sets are not here.
        RunError: `output` holds a run of another recipe.
    """
    output.mkdir(parents=True, exist_ok=True)
    tokenizer_folder, tokens_file = output / "tokenizer", output / "tokens.npy"
    if start is not None:
        recipe = replace(recipe, start=base_digest(start).weights)
    recipe_json, recipe_file = json.dumps(asdict(recipe), indent=1), output / "recipe.json"
    if recipe_file.exists() and recipe_file.read_text(encoding="utf-8") != recipe_json:
        raise RunError(f"{output} holds a run of another recipe: choose another --output")
    recipe_file.write_text(recipe_json, encoding="utf-8")
    if not tokens_file.exists():
        _prepare(recipe, start, tokenizer_folder, tokens_file)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tokenizer_folder)
    blocks = _Blocks(np.load(tokens_file, mmap_mode="r"), recipe.context)
    torch.manual_seed(recipe.seed)
    if start is None:
        model = Qwen3ForCausalLM(_config(recipe, tokenizer))
    else:
        model = Qwen3ForCausalLM.from_pretrained(start, dtype=torch.float32)
        model.config.use_cache = False
    console.print(f"{model.num_parameters() / 1e6:.2f}M parameters, {recipe.steps} steps")
    optimizer = MuonAdamW(model, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _trapezoid(recipe))
    arguments = TrainingArguments(
        output_dir=str(output / "checkpoints"),
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.batch,
        train_sampling_strategy="sequential",
        bf16=True,
        torch_compile=compile_model,
        max_grad_norm=1.0,
        seed=recipe.seed,
        save_steps=200,
        save_total_limit=2,
        logging_steps=min(50, recipe.steps),
        report_to="none",
        use_cpu=not torch.cuda.is_available(),
    )
    trainer = Trainer(model, arguments, train_dataset=blocks, optimizers=(optimizer, schedule))
    trainer.train(resume_from_checkpoint=last_checkpoint(output / "checkpoints"))
    folder = output / "model"
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    loss = next(e["loss"] for e in reversed(trainer.state.log_history) if "loss" in e)
    card = base_card(asdict(recipe), model.num_parameters(), float(loss))
    (folder / "README.md").write_text(card, encoding="utf-8")
    record = {"recipe": asdict(recipe), "log": trainer.state.log_history}
    (output / "pretrain.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    return folder


class MuonAdamW(torch.optim.Optimizer):
    """Muon on the matrices inside the layers, AdamW on all the rest, as one optimizer."""

    def __init__(self, model: torch.nn.Module, recipe: PretrainingRecipe) -> None:
        named = list(model.named_parameters())
        matrices = [p for n, p in named if p.ndim == 2 and "embed" not in n]
        rest = [p for n, p in named if p.ndim != 2 or "embed" in n]
        self.parts = (
            torch.optim.Muon(matrices, lr=recipe.muon_lr, weight_decay=recipe.weight_decay),
            torch.optim.AdamW(rest, lr=recipe.adamw_lr, betas=(0.9, 0.95), weight_decay=0.0),
        )
        super().__init__([*matrices, *rest], {})
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for part, saved in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(saved)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def _trapezoid(recipe: PretrainingRecipe) -> Callable[[int], float]:
    def factor(step: int) -> float:
        done = (step + 1) / recipe.steps
        return max(0.0, min(1.0, done / recipe.warmup, (1.0 - done) / recipe.decay))

    return factor


def _config(recipe: PretrainingRecipe, tokenizer: PreTrainedTokenizerFast) -> Qwen3Config:
    return Qwen3Config(
        vocab_size=recipe.vocabulary,
        hidden_size=recipe.hidden,
        head_dim=recipe.head,
        intermediate_size=recipe.feed_forward,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.kv_heads,
        max_position_embeddings=recipe.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        use_cache=False,
        pad_token_id=tokenizer.pad_token_id,
    )


class _Blocks(Dataset[dict[str, torch.Tensor]]):
    """Token ids cut into sequences of `context`; every token is an input and a label."""

    def __init__(self, ids: np.ndarray, context: int) -> None:
        self._ids, self._context = ids, context

    def __len__(self) -> int:
        return len(self._ids) // self._context

    def __getitem__(self, i: int) -> dict[str, torch.Tensor]:
        block = self._ids[i * self._context : (i + 1) * self._context].astype(np.int64)
        ids = torch.from_numpy(block)
        return {"input_ids": ids, "labels": ids}


def _prepare(recipe: PretrainingRecipe, start: Path | None, tokenizer_folder: Path, tokens_file: Path) -> None:
    """Train the tokenizer and write the run's tokens, plain text and structure interleaved."""
    with console.status("reading the corpus and clustering its words"):
        corpus = corpora.read(recipe.seed)
        sample = list(corpus.stream(recipe.seed))
        classes = word_classes(sample[: len(sample) // 2], recipe.seed)
        structure = Structure(corpus, classes, Ontology.load())
    console.print(f"{corpus.removed} texts removed: repeated, or shared with an evaluation item")
    if start is None:
        tokenizer = train_tokenizer(sample, recipe.vocabulary)
    else:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(start)
    tokenizer.save_pretrained(tokenizer_folder)
    unfinished = tokens_file.with_suffix(".part.npy")
    np.save(unfinished, _tokens(recipe, corpus, structure, tokenizer))
    unfinished.replace(tokens_file)


def _tokens(
    recipe: PretrainingRecipe, corpus: corpora.Corpus, structure: Structure, tokenizer: PreTrainedTokenizerFast
) -> np.ndarray:
    """The run's token ids, shape (tokens,): plain text and structure, in shares that shift."""
    plain = (text for epoch in count() for text in corpus.stream(recipe.seed + epoch))
    made = (_chat(example, tokenizer) for example in structure.examples(recipe.seed))
    low, high = STRUCTURE_SHARE
    ids = np.empty(recipe.tokens, dtype=np.uint16)
    filled, owed = 0, 0.0  # owed: tokens of structure that the share asks for and are not there yet
    with Progress(console=console) as progress:
        task = progress.add_task("tokenising", total=recipe.tokens)
        while filled < recipe.tokens:
            structured = owed > 0
            document = next(made if structured else plain) + SPECIAL[0]
            encoded = tokenizer.backend_tokenizer.encode(document).ids[: recipe.tokens - filled]
            ids[filled : filled + len(encoded)] = encoded
            filled += len(encoded)
            owed += len(encoded) * (low + (high - low) * filled / recipe.tokens - structured)
            progress.update(task, completed=filled)
    return ids


def _chat(example: tuple[str, str, str], tokenizer: PreTrainedTokenizerFast) -> str:
    roles = ("system", "user", "assistant")
    messages = [{"role": r, "content": c} for r, c in zip(roles, example, strict=True)]
    return str(tokenizer.apply_chat_template(messages, tokenize=False))


def train_tokenizer(texts: list[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE with single digits, the chat template and short codes for line words."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator([*texts, *_line_words() * 1_000], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=list(SPECIAL[1:4]),
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def _line_words() -> list[str]:
    """Words that answer lines are made of, so that each takes few tokens; no labels of a text."""
    ontology = Ontology.load()
    values = [v for attribute in ontology.attributes.values() for v in attribute.values]
    names = [*rewrite.TYPES, rewrite.OTHER, *extract.OVERALL, *ontology.attributes, *values, *ontology.aspects]
    names += [*ontology.use_cases, *ontology.categories]
    return [f"{word} {word}" for name in names for word in name.lower().split()]
