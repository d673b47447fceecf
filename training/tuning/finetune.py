"""Trains one LoRA adapter on the frozen base; the loss is on the answer line only.

Uses the task's contract and no data set. Called by `training.pipeline`, `preview` and `training.studies.ablate`.
"""

from __future__ import annotations

import json
import os
import random
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import yaml
from peft import LoraConfig, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from rich.console import Console
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    EarlyStoppingCallback,
    PrinterCallback,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.pytorch_utils import Conv1D

from adapters.ontology import Ontology
from adapters.tasks.contract import Task
from training.examples import Example
from training.tuning.checkpoints import TimedCheckpoints, last_checkpoint
from training.tuning.modules import excluded, resolved
from training.tuning.progress import Meter
from training.tuning.recipe import Recipe, TrainingError
from training.tuning.rows import collate, rows
from training.tuning.trainer import LineTrainer

MICRO_BATCH = {"cpu": 1_024, "cuda": 8_192}  # tokens
VALIDATION = 1_000  # examples, at most, that early stopping looks at
console = Console()


def run(
    task: Task[Any, Any],
    examples: list[Example],
    recipe: Recipe,
    base: Path,
    output: Path,
    ontology: Ontology,
    report_to: str = "none",
) -> Path:
    """Train, or resume an earlier run in `output`; returns the adapter's folder.

    A resumed run ends with the weights of one that was never stopped. `train.json` is written last: if it is
    there, the run is finished. `report_to`: `none`, `tensorboard` or `mlflow`.

    Raises:
        TrainingError: no training example is left, or a package or a GPU is missing.
    """
    folder, finished = output / "adapter", output / "train.json"
    if finished.exists():
        return folder
    trainer = trainer_of(task, examples, recipe, base, output, ontology, report_to)
    trainable, _ = trainer.model.get_nb_trainable_parameters()
    console.print(f"{len(trainer.train_dataset)} examples, {trainable:,} trainable parameters")
    output.mkdir(parents=True, exist_ok=True)
    (output / "recipe.yaml").write_text(yaml.safe_dump(recipe.fields(), sort_keys=False), encoding="utf-8")
    _train(trainer, last_checkpoint(output / "checkpoints"))
    if trainer.is_world_process_zero():
        trainer.model.bfloat16().save_pretrained(folder)  # as the engine holds it
        state = trainer.state
        end = {name: state.log_history[-1][name] for name in ("seconds", "peak_bytes")}
        log = {"recipe": recipe.fields(), "tokens": state.num_input_tokens_seen, **end, "log": state.log_history}
        unfinished = finished.with_suffix(".part")
        unfinished.write_text(json.dumps(log, indent=1), encoding="utf-8")
        unfinished.replace(finished)
    return folder


def cost(run: Path) -> dict[str, Any]:
    """`seconds`, `tokens` and `peak_bytes` of a finished run."""
    log: dict[str, Any] = json.loads((run / "train.json").read_text(encoding="utf-8"))
    return {name: log[name] for name in ("seconds", "tokens", "peak_bytes")}


def _train(trainer: LineTrainer, checkpoint: str | None) -> None:
    """Train to the end; load the best weights if only saving the result was missing."""
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
) -> LineTrainer:
    """The trainer of a run with model and data loaded; nothing is written yet.

    Raises:
        TrainingError: no training example is left, or a package or a GPU is missing.
    """
    if report_to != "none":
        _installed(report_to, report_to)
    tokenizer = AutoTokenizer.from_pretrained(base)
    context = getattr(AutoConfig.from_pretrained(base).get_text_config(), "max_position_embeddings", sys.maxsize)
    max_length = min(recipe.max_length or context, context)
    train = rows(task, [e for e in examples if e.split == "train"], tokenizer, ontology, max_length)
    if not train:
        raise TrainingError("no training example is left: add examples")
    held_out = [e for e in examples if e.split == "validation"]
    held_out = random.Random(recipe.seed).sample(held_out, min(len(held_out), VALIDATION))
    valid = rows(task, held_out, tokenizer, ontology, max_length) or None
    processes = int(os.environ.get("WORLD_SIZE", 1))  # set by `accelerate launch`
    steps = -(-len(train) // recipe.batch) * recipe.epochs
    arguments = TrainingArguments(
        output_dir=str(output / "checkpoints"),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=max(1, recipe.batch // processes),
        per_device_eval_batch_size=VALIDATION,  # as one batch, whose loss is the mean over all its tokens
        learning_rate=recipe.lr,
        lr_scheduler_type="cosine",
        warmup_steps=int(0.05 * steps),  # a share would be rounded up: the one step of a short run would train nothing
        seed=recipe.seed,
        data_seed=recipe.seed,
        bf16=True,
        use_cpu=not torch.cuda.is_available(),
        train_sampling_strategy="group_by_length",
        include_num_input_tokens_seen="non_padding",
        eval_strategy="epoch" if valid else "no",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=valid is not None,
        metric_for_best_model="eval_loss" if valid else None,
        logging_steps=20,
        report_to=report_to,
        run_name=output.name,
        label_names=["labels"],
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,  # `Meter` draws the bar
    )
    arguments._n_gpu = 1  # several are for `accelerate launch`, one a process
    tokens = int(sum(len(row["input_ids"]) for row in train) * recipe.epochs)
    trainer = LineTrainer(
        _with_adapter(_base(base, recipe), recipe),
        arguments,
        micro_batch=recipe.micro_batch or MICRO_BATCH["cuda" if torch.cuda.is_available() else "cpu"],
        data_collator=collate,
        train_dataset=train,
        eval_dataset=valid,
        processing_class=tokenizer,
        callbacks=[
            Meter(tokens),
            TimedCheckpoints(),
            *([EarlyStoppingCallback(early_stopping_patience=1)] if valid else []),
        ],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _base(base: Path, recipe: Recipe) -> Any:
    """The frozen base in bfloat16, or in 4-bit NormalFloat for QLoRA (Dettmers et al. 2023)."""
    if not recipe.qlora:
        # PyTorch's flash attention takes a fifth of a step on a CPU in its backward pass; written out it is faster.
        attention = "sdpa" if torch.cuda.is_available() else "eager"
        return AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16, attn_implementation=attention)
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


def _with_adapter(base: Any, recipe: Recipe) -> Any:
    """The base with an untrained adapter, whose weights are float32.

    Raises:
        TrainingError: the base has none of the recipe's modules.
    """
    lora = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        bias="none",
        use_rslora=recipe.rslora,
        target_modules=resolved(base, recipe.modules),
        exclude_modules=excluded(base),
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in base.modules()),
        task_type="CAUSAL_LM",
    )
    set_seed(recipe.seed)  # of the adapter's first weights
    model = get_peft_model(base, lora)
    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            module.cast_input_dtype_enabled = False  # autocast does it, once and not twice
    return model


def _installed(package: str, extra: str) -> None:
    if find_spec(package) is None:
        raise TrainingError(f"{package} is not installed: run `pip install -e '.[{extra}]'`")
