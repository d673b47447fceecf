"""What is kept of a trained JSON adapter."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from adapters.adapter_folder import CONFIG, WEIGHTS, check_files
from loadtests.peers.train import keep
from tests.server.tiny import make_adapter


def test_half_the_bytes_and_no_path_are_kept(tmp_path: Path) -> None:
    trained = make_adapter(tmp_path / "trained", 0, ("o_proj",))
    config = json.loads((trained / CONFIG).read_text())
    (trained / CONFIG).write_text(json.dumps({**config, "base_model_name_or_path": "/home/me"}))
    kept = tmp_path / "adapters" / "classify"
    keep(trained, kept)
    check_files(kept, required={CONFIG, WEIGHTS}, allowed=set())
    assert "/home/me" not in (kept / CONFIG).read_text()
    before, after = load_file(trained / WEIGHTS), load_file(kept / WEIGHTS)
    assert before.keys() == after.keys()
    for name, weight in after.items():
        assert torch.equal(weight, before[name].to(torch.bfloat16))
