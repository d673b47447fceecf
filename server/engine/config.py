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
        check_kind(Path(base))
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


def check_kind(base: Path) -> None:
    """Raises StartError for a base that also reads images where vLLM lacks what it needs for these."""
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
    modules, rank, slots = (lora.target_modules, lora.max_lora_rank, lora.max_loras) if lora else ((), 0, 0)
    base = sizes(Path(model.model), modules, rank, model.dtype.itemsize)
    check_memory(base, slots, _sequence_bytes(config), free_memory())


def _sequence_bytes(config: Any) -> int:
    """Bytes of the cache of a sequence that fills the context, at least; `cpu_worker` has them to the byte.

    A layer with a sliding window holds the window and what is computed at a time. Recurrent layers, which hold little,
    are left out.
    """
    from vllm.v1.kv_cache_interface import FullAttentionSpec, SlidingWindowSpec

    model, window = config.model_config, config.model_config.get_sliding_window()
    a_layer: dict[str, Any] = {
        "block_size": config.cache_config.block_size,
        "num_kv_heads": model.get_total_num_kv_heads(),
        "head_size": model.get_head_size(),
        "dtype": model.dtype,
    }
    kinds = getattr(model.hf_text_config, "layer_types", None)
    if kinds is None:
        layers = model.get_num_layers_by_block_type(config.parallel_config)
        kinds = ["sliding_attention" if config.cache_config.sliding_window else "full_attention"] * layers
    specs = {"full_attention": FullAttentionSpec(**a_layer), "attention": FullAttentionSpec(**a_layer)}
    if window:
        specs["sliding_attention"] = SlidingWindowSpec(**a_layer, sliding_window=window)
    return sum(specs[kind].max_memory_usage_bytes(config) for kind in kinds if kind in specs)
