"""vLLM's configuration for a base and its adapters, checked before anything is loaded.

Knows vLLM's configuration classes and imports them when called, by `server.engine.engine`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from adapters.errors import ShopLoraError
from adapters.prompts import end_token
from server.engine.memory import check_memory, free_memory, sizes
from server.errors import StartError

LONGEST = 200  # characters of a reason


def engine_config(arguments: Mapping[str, Any], context: int | None) -> Any:
    """vLLM's configuration by the arguments of `AsyncEngineArgs`.

    Args:
        context: tokens, at most the base's maximum, where the arguments leave it open; None: the base's maximum.

    Raises:
        ShopLoraError: vLLM cannot serve this base with these arguments.
    """
    from vllm.engine.arg_utils import AsyncEngineArgs

    base, chosen = arguments["model"], arguments["max_model_len"]
    refusal = f"vLLM cannot serve the base {base}"
    with _refusals(refusal):
        _check_kind(Path(base))
        maximum = AsyncEngineArgs(**{**arguments, "max_model_len": None}).create_model_config().max_model_len
    if chosen is None:
        chosen = min(context or maximum, maximum)
    if chosen > maximum:  # some bases read more than they do by default
        refusal = f"SHOPLORA_MAX_MODEL_LEN is {chosen}, more than the {maximum} tokens of the base {base}"
    with _refusals(refusal):
        config = AsyncEngineArgs(**{**arguments, "max_model_len": chosen}).create_engine_config()
    with _refusals(f"the tokenizer of {base} cannot be read"):
        _check_tokenizer(config.model_config)
    if config.lora_config:
        _check_lora(config.model_config)
    if config.device_config.device_type == "cpu":
        with _refusals(f"the weights of {base} cannot be read"):
            _check_memory(config)
    return config


@contextmanager
def _refusals(message: str) -> Iterator[None]:
    """Turns the errors of vLLM and its libraries into a StartError with the message and the reason; logs none."""
    log = logging.getLogger("vllm")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    except ShopLoraError:
        raise
    except Exception as error:
        raise StartError(f"{message}: {one_line(error)}") from error
    finally:
        log.setLevel(level)


def one_line(error: BaseException) -> str:
    """The reason in one line, of pydantic's errors the first; of a long one the first sentence."""
    errors = getattr(error, "errors", None)
    reason = str(errors()[0]["msg"]).removeprefix("Value error, ") if callable(errors) else str(error)
    line = " ".join(reason.split()) or type(error).__name__
    return line if len(line) <= LONGEST else f"{line.partition('. ')[0][:LONGEST]} ..."


def _check_kind(base: Path) -> None:
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    if "vision_config" in config and find_spec("torchvision") is None:
        raise StartError(
            f"the base {base} also reads images, for which vLLM needs torchvision: "
            'take its text model alone (docs/operations.md, "A base that also reads images")'
        )


def _check_tokenizer(model: Any) -> None:
    from vllm.tokenizers import cached_tokenizer_from_config

    tokenizer = cached_tokenizer_from_config(model)
    if not tokenizer.encode("a", add_special_tokens=False):  # transformers makes an empty one where files are missing
        raise StartError(
            f"the tokenizer of {model.model} knows no characters: its tokenizer.json is missing or damaged"
        )
    end_token(tokenizer)


def _check_lora(model: Any) -> None:
    from vllm.model_executor.models import supports_lora

    architecture, _ = model.registry.resolve_model_cls(model.architectures, model)
    if not supports_lora(architecture):
        raise StartError(
            f"vLLM takes no LoRA adapters on {', '.join(model.architectures)}, the architecture of {model.model}: "
            "choose another base"
        )


def _check_memory(config: Any) -> None:
    model, lora = config.model_config, config.lora_config
    width = model.dtype.itemsize
    a_token = 2 * model.get_num_layers(config.parallel_config) * model.get_total_num_kv_heads() * model.get_head_size()
    modules, rank, slots = (lora.target_modules, lora.max_lora_rank, lora.max_loras) if lora else ((), 0, 0)
    base = sizes(Path(model.model), modules, rank, width)
    check_memory(base, slots, a_token * width * model.max_model_len, free_memory())
