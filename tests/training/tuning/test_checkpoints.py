"""Which checkpoint a stopped run goes on from."""

from __future__ import annotations

from pathlib import Path

from training.tuning.checkpoints import last_checkpoint


def checkpoint(folder: Path, step: int, state: str | None = "{}") -> None:
    place = folder / f"checkpoint-{step}"
    place.mkdir(parents=True)
    (place / "model.safetensors").write_bytes(b"weights")
    if state is not None:
        (place / "trainer_state.json").write_text(state)


def test_the_latest_by_number(tmp_path: Path) -> None:
    for step in (200, 1000, 400):
        checkpoint(tmp_path, step)
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-1000")


def test_one_that_was_cut_short_is_passed_over(tmp_path: Path) -> None:
    checkpoint(tmp_path, 200)
    checkpoint(tmp_path, 400, state='{"global_step": 40')
    checkpoint(tmp_path, 600, state=None)
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-200")


def test_none_is_there(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-best").mkdir()
    assert last_checkpoint(tmp_path) is None
    assert last_checkpoint(tmp_path / "absent") is None
