"""What is copied of a trained JSON adapter."""

from __future__ import annotations

import json
from pathlib import Path

from adapters.adapter_folder import CONFIG, WEIGHTS, check_files
from loadtests.peers.train import copy_for_serving
from tests.tiny import make_adapter


def test_a_copy_has_the_same_weights_and_no_path(tmp_path: Path) -> None:
    trained = make_adapter(tmp_path / "trained", 0, ("o_proj",))
    config = json.loads((trained / CONFIG).read_text())
    (trained / CONFIG).write_text(json.dumps({**config, "base_model_name_or_path": "/home/me"}))
    copy = tmp_path / "adapters" / "classify"
    copy_for_serving(trained, copy)
    check_files(copy, required={CONFIG, WEIGHTS}, allowed=set())
    assert "/home/me" not in (copy / CONFIG).read_text()
    assert (copy / WEIGHTS).read_bytes() == (trained / WEIGHTS).read_bytes()
