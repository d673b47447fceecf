"""vLLM's worker on a CPU, with a cache that follows from the served context and the free memory.

vLLM names it by `worker_cls` (`server.engine.vllm_settings`) and asks it once the base and the adapters' slots are
loaded.
"""

from __future__ import annotations

from vllm.v1.core.kv_cache_utils import _max_memory_usage_bytes_from_groups, _pool_bytes_per_block, get_kv_cache_groups
from vllm.v1.worker.cpu_worker import CPUWorker

from server.engine.memory import GIB, cache_size, free_memory
from server.errors import StartError


class Worker(CPUWorker):
    def determine_available_memory(self) -> int:
        """Bytes of the cache.

        Raises:
            StartError: one sequence of the served context does not fit.
        """
        config = self.vllm_config
        groups = get_kv_cache_groups(config, dict(self.get_kv_cache_spec()))
        unused = _pool_bytes_per_block(config, groups)  # vLLM never uses the first block
        sequence = _max_memory_usage_bytes_from_groups(config, groups) + unused
        context, free = config.model_config.max_model_len, free_memory()
        chosen: int | None = config.cache_config.kv_cache_memory_bytes
        if chosen is None:
            return cache_size(sequence, config.scheduler_config.max_num_seqs, context, free)
        if not sequence <= chosen <= free:
            raise StartError(
                f"VLLM_CPU_KVCACHE_SPACE gives the cache {chosen / GIB:.2f} GiB: one sequence of {context} tokens "
                f"takes {sequence / GIB:.2f} GiB, and {free / GIB:.2f} GiB are free"
            )
        return chosen
