from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import torch
from safetensors.torch import load_file

from adapters.adapter_folder import CONFIG, WEIGHTS
from loadtests.slots import copied, order
from tests.tiny import make_adapter


def test_round_robin_asks_each_adapter_in_turn() -> None:
    assert list(islice(order("round-robin", 3, seed=0), 7)) == [0, 1, 2, 0, 1, 2, 0]


def test_zipf_asks_the_second_half_as_often_and_the_tenth_a_tenth_as_often() -> None:
    requests = Counter(islice(order("zipf", 100, seed=0), 50_000))
    assert set(requests) == set(range(100))
    for rank in (2, 5, 10):
        assert 0.8 / rank < requests[rank - 1] / requests[0] < 1.2 / rank


def test_a_copy_has_its_own_weights_near_those_of_its_source(tmp_path: Path) -> None:
    source = make_adapter(tmp_path / "source", 0, ("o_proj",))
    weights = [load_file(copied(source, tmp_path, number) / WEIGHTS) for number in (0, 1)]
    for name, weight in load_file(source / WEIGHTS).items():
        assert not torch.equal(weights[0][name], weights[1][name])
        for copy in weights:
            assert copy[name].dtype == weight.dtype
            assert (copy[name] - weight).norm() < 0.02 * weight.norm()
    configs = [(f / CONFIG).read_text() for f in (source, tmp_path / "0" / "default" / "1")]
    assert configs[0] == configs[1]
