"""`shoplora adapters` at a terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters import cli
from adapters.manifest import Draft
from adapters.store import Store
from tests.tiny import make_adapter

METRICS = {"rows": 500, "test": {"accuracy": 0.9312, "macro_f1": 0.875}, "tfidf": {"f1": 0.1}}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """classify@1, and classify@2 which is live."""
    monkeypatch.setattr("adapters.store.os.fsync", lambda descriptor: None)
    staged = make_adapter(tmp_path / "staged", 0, ("o_proj",))
    store = Store(tmp_path / "store", shipped=None)
    draft = Draft(task="classify", base_digest="b" * 64, ontology_digest="c" * 64, metrics=METRICS)
    for _ in range(2):
        store.publish(staged, draft, "card")
    monkeypatch.setattr(cli, "Store", lambda root: Store(root, shipped=None))
    monkeypatch.setenv("SHOPLORA_STORE", str(store.root))
    monkeypatch.setenv("COLUMNS", "120")
    return store


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return result.stdout if status == 0 else result.stderr


def test_list_shows_each_version_in_a_row(store: Store) -> None:
    first, second = (line for line in run("list").splitlines() if "classify@" in line)
    cells = re.split(r"\s{2,}", second.strip())
    created = store.get("classify@2").manifest.created[:10]
    assert cells == ["classify@2", "yes", "8", "o_proj", "13 kB", "accuracy 0.931", created]
    assert "yes" not in first
    assert "macro_f1 0.875" in run("list")
    assert "0.100" not in run("list")


def test_names_stay_whole_in_a_narrow_terminal(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    assert "classify@2  yes   8     o_proj   13 kB" in run("list")


def test_list_of_an_empty_store_is_an_empty_table(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPLORA_STORE", str(tmp_path / "none"))
    assert "classify" not in run("list")


def test_show_prints_the_manifest_and_the_cards_path(store: Store) -> None:
    shown, card = run("show", "classify@1").rsplit("model card: ", 1)
    assert json.loads(shown) == store.get("classify@1").manifest.model_dump(mode="json")
    assert Path(card.strip()).read_text() == "card"


def test_activate_and_rollback_move_the_channel(store: Store) -> None:
    assert run("activate", "classify@1") == "classify@1 is live\n"
    assert store.live()["classify"].name == "classify@1"
    assert run("rollback", "classify") == "classify@2 is live\n"
    assert store.live()["classify"].name == "classify@2"


def test_verify_reads_all_or_one(store: Store) -> None:
    assert run("verify") == "classify@1 is sound\nclassify@2 is sound\n"
    assert run("verify", "classify@2") == "classify@2 is sound\n"


def test_verify_goes_on_after_damage_and_ends_with_status_1(store: Store) -> None:
    (store.get("classify@1").folder / "adapter_model.safetensors").write_bytes(b"?")
    result = CliRunner().invoke(cli.app, ["verify"])
    assert result.exit_code == 1
    assert result.stdout == "classify@2 is sound\n"
    assert result.stderr.startswith("classify@1 is damaged")


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "classify@9"),
        ("show", "../classify@1"),
        ("show", "[red]"),
        ("activate", "classify@9"),
        ("rollback", "extract"),
        ("verify", "classify@9"),
    ],
)
def test_an_error_is_one_line_that_names_the_argument(store: Store, arguments: tuple[str, str]) -> None:
    message = run(*arguments, status=1)
    assert message.count("\n") == 1
    assert arguments[1] in message


def test_an_error_is_red(store: Store) -> None:
    result = CliRunner().invoke(cli.app, ["show", "classify@9"], color=True)
    assert result.stderr.startswith("\x1b[31m")


def test_a_root_that_cannot_be_written_is_an_error_line(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SHOPLORA_STORE", str(tmp_path / "file" / "below"))
    assert "below" in run("activate", "classify@1", status=1)


@pytest.mark.parametrize("command", ["list", "show", "activate", "rollback", "verify"])
def test_every_command_shows_an_example(command: str) -> None:
    assert f"shoplora adapters {command}" in run(command, "--help")
