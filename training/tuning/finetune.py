"""One LoRA adapter on the frozen base, from examples: TRL's SFTTrainer, loss on the line only.

Knows prompts and lines through the task's contract; knows no data set. Called by `training.cli`.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import torch
import yaml
from datasets import Dataset
from peft import LoraConfig
from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from rich.console import Console
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, EarlyStoppingCallback, TrainerState
from trl import SFTConfig, SFTTrainer

from adapters.ontology import Ontology
from adapters.tasks.contract import Task
from training.examples import Example
from training.tuning.checkpoints import last_checkpoint

ATTENTION_OUT, FEED_FORWARD_OUT = "o_proj", "down_proj"
ALL_LINEAR = ("q_proj", "k_proj", "v_proj", ATTENTION_OUT, "gate_proj", "up_proj", FEED_FORWARD_OUT)
VALIDATION = 1_000  # examples, at most, that early stopping looks at
console = Console()


class TrainingError(ValueError):
    """The examples or the recipe cannot be trained on; the message says what to do."""


def _modules(named: object) -> object:
    """`all-linear`, `o_proj,down_proj` or a list of names."""
    names = named.split(",") if isinstance(named, str) else named
    if names == ["all-linear"]:
        return ALL_LINEAR
    unknown = [str(n) for n in names if n not in ALL_LINEAR] if isinstance(names, list) else []
    if unknown:
        known = ", ".join(ALL_LINEAR)
        raise ValueError(f"no module {', '.join(unknown)}; there are {known} and all-linear")
    return names


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an adapter is trained; saved beside the result and in its manifest.

    A model of a few million parameters wants a learning rate 10 times that of a large one. DoRA is
    no option: vLLM cannot serve it.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    modules: Annotated[tuple[str, ...], BeforeValidator(_modules)] = (ATTENTION_OUT,)
    rank: Annotated[int, Field(ge=1, le=256)] = 16
    alpha: Annotated[int, Field(ge=1)] = 32
    rslora: bool = False
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    lr: Annotated[float, Field(gt=0)] = 5e-3
    epochs: Annotated[float, Field(gt=0)] = 3.0
    batch: Annotated[int, Field(ge=1)] = 32
    seed: int = 0
    qlora: bool = field(default=False, repr=False)  # `inputs.run_key` reads it where it is set


# Quality needs more than `o_proj` on the hard structured tasks: see docs/adapters.md.
RECIPES = {
    "classify": Recipe(modules=ALL_LINEAR, lr=2e-3, batch=16),
    "rewrite": Recipe(modules=ALL_LINEAR, lr=2e-3, batch=8),
    "extract": Recipe(modules=ALL_LINEAR, lr=2e-3, batch=8),
    "copywrite": Recipe(modules=ALL_LINEAR, lr=2e-3, batch=8),
}

_RECIPE = TypeAdapter(Recipe)


def recipe_for(task: str, file: Path | None = None, **changes: Any) -> Recipe:
    """The task's default recipe, changed by a YAML file of fields and then by `changes`.

    Raises:
        TrainingError: the file is no mapping, or a field is unknown or out of its range.
    """
    fields = asdict(RECIPES.get(task, Recipe()))
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8")) if file else {}
        if not isinstance(told, dict):
            raise ValueError(f"{file} is no mapping of a recipe's fields")
        return _RECIPE.validate_python(fields | told | changes)
    except ValidationError as error:
        reasons = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise TrainingError(f"recipe: {'; '.join(reasons)}") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise TrainingError(f"recipe: {error}") from error


def run(
    task: Task[Any, Any],
    examples: list[Example],
    recipe: Recipe,
    base: Path,
    output: Path,
    ontology: Ontology,
    report_to: str = "none",
) -> Path:
    """Train, or go on where an earlier run in `output` stopped; returns the adapter's folder.

    A run killed at any time ends with the weights that it would have had. `train.json` is written
    last: where it is, the run is finished. `report_to`: `tensorboard` or `mlflow`.

    Raises:
        TrainingError: no training example is left, or a package or a GPU is missing.
    """
    folder, finished = output / "adapter", output / "train.json"
    if finished.exists():
        return folder
    trainer = trainer_of(task, examples, recipe, base, output, ontology, report_to)
    trainable = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
    console.print(f"{len(trainer.train_dataset)} examples, {trainable:,} trainable parameters")
    output.mkdir(parents=True, exist_ok=True)
    told = json.loads(json.dumps(asdict(recipe)))
    (output / "recipe.yaml").write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    _train(trainer, last_checkpoint(output / "checkpoints"))
    if trainer.is_world_process_zero():
        trainer.model.save_pretrained(folder)
        log = {"recipe": told, "log": trainer.state.log_history}
        unfinished = finished.with_suffix(".part")
        unfinished.write_text(json.dumps(log, indent=1), encoding="utf-8")
        unfinished.replace(finished)
    return folder


def _train(trainer: SFTTrainer, checkpoint: str | None) -> None:
    """Train to the end; where only the end's saving is missing, load the best weights."""
    state = TrainerState.load_from_json(f"{checkpoint}/trainer_state.json") if checkpoint else None
    if state and state.stateful_callbacks["TrainerControl"]["args"]["should_training_stop"]:
        trainer.state = state
        trainer.model.load_adapter(state.best_model_checkpoint or checkpoint, "default")
    else:
        trainer.train(resume_from_checkpoint=checkpoint)


def trainer_of(
    task: Task[Any, Any],
    examples: list[Example],
    recipe: Recipe,
    base: Path,
    output: Path,
    ontology: Ontology,
    report_to: str = "none",
) -> SFTTrainer:
    """All that a run needs, ready to train; nothing is written yet.

    Raises:
        TrainingError: no training example is left, or a package or a GPU is missing.
    """
    if report_to != "none":
        _installed(report_to, report_to)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = _base(base, recipe)
    context = model.config.max_position_embeddings
    train = _dataset(task, [e for e in examples if e.split == "train"], tokenizer, ontology, context)
    held = [e for e in examples if e.split == "validation"]
    held = random.Random(recipe.seed).sample(held, min(len(held), VALIDATION))
    valid = _dataset(task, held, tokenizer, ontology, context) or None
    if not len(train):
        raise TrainingError("no training example is left: add examples")
    processes = int(os.environ.get("WORLD_SIZE", 1))  # set by `accelerate launch`
    arguments = SFTConfig(
        output_dir=str(output / "checkpoints"),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=max(1, recipe.batch // processes),
        per_device_eval_batch_size=64,
        learning_rate=recipe.lr,
        lr_scheduler_type="cosine",
        warmup_steps=0.05,
        weight_decay=0.0,
        max_grad_norm=1.0,
        seed=recipe.seed,
        data_seed=recipe.seed,
        bf16=True,
        use_cpu=not torch.cuda.is_available(),
        gradient_checkpointing=False,
        max_length=context,
        completion_only_loss=True,
        train_sampling_strategy="group_by_length",
        eval_strategy="epoch" if valid else "no",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=valid is not None,
        metric_for_best_model="eval_loss" if valid else None,
        logging_steps=20,
        report_to=report_to,
        run_name=output.name,
        dataloader_pin_memory=False,
    )
    lora = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        bias="none",
        use_rslora=recipe.rslora,
        target_modules=list(recipe.modules),
        task_type="CAUSAL_LM",
    )
    return SFTTrainer(
        model,
        arguments,
        train_dataset=train,
        eval_dataset=valid,
        processing_class=tokenizer,
        peft_config=lora,
        callbacks=[EarlyStoppingCallback(early_stopping_patience=1)] if valid else None,
    )


def _base(base: Path, recipe: Recipe) -> Any:
    """The frozen base: float32, or 4-bit NormalFloat for QLoRA (Dettmers et al. 2023)."""
    if not recipe.qlora:
        return AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if not torch.cuda.is_available():
        raise TrainingError("qlora holds the base in 4 bits and needs a GPU: leave it out")
    _installed("bitsandbytes", "qlora")
    return AutoModelForCausalLM.from_pretrained(
        base,
        dtype=torch.bfloat16,
        device_map={"": int(os.environ.get("LOCAL_RANK", 0))},
        quantization_config=BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        ),
    )


def _installed(package: str, extra: str) -> None:
    if find_spec(package) is None:
        raise TrainingError(f"{package} is not installed: run `pip install -e '.[{extra}]'`")


def _dataset(
    task: Task[Any, Any], examples: list[Example], tokenizer: Any, ontology: Ontology, context: int
) -> Dataset:
    """Token ids with a mask of the line; a line known in part has no end and no loss beyond it."""
    rows: dict[str, list[list[int]]] = {"input_ids": [], "completion_mask": []}
    left_out = 0
    for example in examples:
        prompt = tokenizer.apply_chat_template(
            task.prompt(example.request, ontology), add_generation_prompt=True, tokenize=False
        )
        line = example.known_line(task.encode(example.labels))
        read = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        written = tokenizer(line, add_special_tokens=False)["input_ids"]
        if example.known_fields is None:
            written.append(tokenizer.eos_token_id)
        if len(read) + len(written) > context:
            left_out += 1
            continue
        rows["input_ids"].append(read + written)
        rows["completion_mask"].append([0] * len(read) + [1] * len(written))
    if left_out:
        console.print(f"{left_out} of {len(examples)} examples left out: over {context} tokens")
    return Dataset.from_dict(rows)
