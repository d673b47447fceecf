"""GPU memory that serving takes, by vLLM's own classes on empty tensors: no GPU and no weights are needed.

    python -m loadtests.memory

Prints the table of docs/operations.md. Each base is made from its configuration on torch's meta device, gets vLLM's
LoRA layers, and is asked for its cache. Nothing is measured: activations and CUDA's own memory come on top.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from server.engine.vllm_settings import engine_arguments, set_environment
from server.settings import Settings

GB = 1e9
ADAPTERS = (4, 32, 100)
CONTEXT = 2956  # tokens, what the four tasks with demo adapters need
SEQUENCES = 16  # of the full context, in the sums
MODULES = ("o_proj", "down_proj")
_QWEN3 = {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "vocab_size": 151936, "head_dim": 128}
_QWEN3 |= {"num_key_value_heads": 8, "tie_word_embeddings": True, "max_position_embeddings": 40960}
# As in `config.json` of each base on the Hugging Face hub.
BASES: dict[str, dict[str, Any]] = {
    "HuggingFaceTB/SmolLM2-135M-Instruct": {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": 49152,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": True,
    },
    "Qwen/Qwen3-0.6B": _QWEN3
    | {"hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16},
    "Qwen/Qwen3-4B": _QWEN3
    | {"hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36, "num_attention_heads": 32},
    "meta-llama/Llama-3.1-8B-Instruct": {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": 128256,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "max_position_embeddings": 131072,
        "tie_word_embeddings": False,
    },
    "google/gemma-3-4b-it": {  # its text model
        "model_type": "gemma3_text",
        "architectures": ["Gemma3ForCausalLM"],
        "vocab_size": 262208,
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "num_hidden_layers": 34,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "sliding_window": 1024,
        "max_position_embeddings": 131072,
        "tie_word_embeddings": True,
    },
    "microsoft/Phi-3.5-mini-instruct": {
        "model_type": "phi3",
        "architectures": ["Phi3ForCausalLM"],
        "vocab_size": 32064,
        "hidden_size": 3072,
        "intermediate_size": 8192,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "max_position_embeddings": 131072,
        "tie_word_embeddings": False,
    },
}


def main() -> None:
    set_environment(on_cpu=True)
    _start_distributed()
    print("| base | weights | " + " | ".join(f"{n} adapters: slots, sum" for n in ADAPTERS) + " | cache of one |")
    print("|---|" + "---|" * (len(ADAPTERS) + 2))
    for name, values in BASES.items():
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "config.json").write_text(json.dumps(values))
            weights, slots, cache = sizes(Path(folder))
        sums = [f"{size / GB:.2f}, {(weights + size + SEQUENCES * cache) / GB:.1f}" for size in slots]
        print(f"| {name} | {weights / GB:.2f} | {' | '.join(sums)} | {cache / GB:.2f} |")


def _start_distributed() -> None:
    """vLLM's layers ask for their share of the work: here all of it."""
    from vllm.config import VllmConfig, set_current_vllm_config
    from vllm.distributed import init_distributed_environment, initialize_model_parallel

    with set_current_vllm_config(VllmConfig()), tempfile.NamedTemporaryFile() as file:
        init_distributed_environment(1, 0, f"file://{file.name}-store", 0, "gloo")
        initialize_model_parallel()


def sizes(base: Path) -> tuple[int, list[int], int]:
    """Bytes of the weights, of the slots for each number of adapters, and of the cache of one sequence."""
    import torch
    from vllm.config import set_current_vllm_config
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.lora.utils import from_layer
    from vllm.model_executor.model_loader.utils import initialize_model
    from vllm.utils.torch_utils import set_default_torch_dtype
    from vllm.v1.core.kv_cache_utils import _max_memory_usage_bytes_from_groups, get_kv_cache_groups

    slots = []
    for adapters in ADAPTERS:
        arguments = engine_arguments(Settings(max_model_len=CONTEXT), base, [16], MODULES, adapters, on_cpu=False)
        config = AsyncEngineArgs(**arguments, skip_tokenizer_init=True, block_size=16).create_engine_config()
        with set_current_vllm_config(config), torch.device("meta"):
            with set_default_torch_dtype(config.model_config.dtype):
                model = initialize_model(config)
            adapted = [module for name, module in model.named_modules() if name.rpartition(".")[2] in MODULES]
            hf_config = config.model_config.hf_config
            layers = [from_layer(m, config.lora_config.max_loras, config.lora_config, [], hf_config) for m in adapted]
        slots.append(sum(t.nbytes for layer in layers for t in (*layer.lora_a_stacked, *layer.lora_b_stacked)))
    config.cache_config.kv_cache_layout = "LBNHC"  # any: vLLM chooses one when it starts
    attention = config.compilation_config.static_forward_context
    groups = get_kv_cache_groups(config, {name: layer.get_kv_cache_spec(config) for name, layer in attention.items()})
    return sum(p.nbytes for p in model.parameters()), slots, _max_memory_usage_bytes_from_groups(config, groups)


if __name__ == "__main__":
    main()
