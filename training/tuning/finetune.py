"""Trains one LoRA adapter on the frozen base with TRL's SFTTrainer; the loss is on the answer line only.

Uses the task's contract and no data set. Called by `training.pipeline`, `preview` and `training.studies.ablate`.
"""

from __future__ import annotations

import json
import os
import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import yaml
from datasets import Dataset
from peft import LoraConfig
from rich.console import Console
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, EarlyStoppingCallback, TrainerState
from trl import SFTConfig, SFTTrainer

from adapters.ontology import Ontology
from adapters.prompts import token_ids
from adapters.tasks.contract import Task
from training.examples import Example
from training.tuning.checkpoints import last_checkpoint
from training.tuning.recipe import Recipe, TrainingError

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
        trainer.model.save_pretrained(folder)
        log = {"recipe": recipe.fields(), "log": trainer.state.log_history}
        unfinished = finished.with_suffix(".part")
        unfinished.write_text(json.dumps(log, indent=1), encoding="utf-8")
        unfinished.replace(finished)
    return folder


def _train(trainer: SFTTrainer, checkpoint: str | None) -> None:
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
) -> SFTTrainer:
    """The trainer of a run with model and data loaded; nothing is written yet.

    Raises:
        TrainingError: no training example is left, or a package or a GPU is missing.
    """
    if report_to != "none":
        _installed(report_to, report_to)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = _base(base, recipe)
    context = model.config.max_position_embeddings
    train = _dataset(task, [e for e in examples if e.split == "train"], tokenizer, ontology, context)
    held_out = [e for e in examples if e.split == "validation"]
    held_out = random.Random(recipe.seed).sample(held_out, min(len(held_out), VALIDATION))
    valid = _dataset(task, held_out, tokenizer, ontology, context) or None
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
    """Token ids, and a mask of the tokens to learn: the known part of the line, and its end if all is known."""
    rows: dict[str, list[list[int]]] = {"input_ids": [], "completion_mask": []}
    too_long = 0
    for example in examples:
        prompt = token_ids(tokenizer, task.prompt(example.request, ontology))
        line = example.known_line(task.encode(example.labels))
        completion = tokenizer(line, add_special_tokens=False)["input_ids"]
        if example.known_fields is None:
            completion.append(tokenizer.eos_token_id)
        if len(prompt) + len(completion) > context:
            too_long += 1
            continue
        rows["input_ids"].append(prompt + completion)
        rows["completion_mask"].append([0] * len(prompt) + [1] * len(completion))
    if too_long:
        console.print(f"{too_long} of {len(examples)} examples left out: over {context} tokens")
    return Dataset.from_dict(rows)
