"""The store: a name is used once, a folder never changes, a channel moves in one step."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from adapters import store as store_module
from adapters.manifest import Draft
from adapters.store import Store, StoreError, Version

REPO = Path(__file__).parents[2]
CONFIG = {
    "peft_type": "LORA",
    "use_dora": False,
    "bias": "none",
    "r": 16,
    "lora_alpha": 32,
    "target_modules": ["o_proj", "down_proj"],
    "modules_to_save": None,
    "rank_pattern": {},
    "base_model_name_or_path": "/home/somebody/base",
}


def stage(folder: Path, weight: float = 1.0, **changes: Any) -> Path:
    """An adapter as PEFT saves it, with this weight everywhere."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG | changes))
    names = (f"base_model.model.model.layers.0.self_attn.o_proj.lora_{matrix}.weight" for matrix in "AB")
    tensors = {name: np.full((2, 2), weight, np.float32) for name in names}
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


def draft(task: str = "classify", variant: str | None = None) -> Draft:
    return Draft(task=task, variant=variant, base_digest="b" * 64, ontology_digest="c" * 64)


def names(versions: list[Version], task: str = "") -> list[str]:
    return [version.name for version in versions if version.name.startswith(task)]


def live(store: Store) -> dict[str, str]:
    return {channel: version.name for channel, version in store.live().items()}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.store.os.fsync", lambda descriptor: None)


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    return stage(tmp_path / "staged")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "root", shipped=None)


@pytest.fixture
def over_shipped(tmp_path: Path, staged: Path) -> Store:
    """A store over a shipped one where classify@demo-1 and rewrite@demo-1 are live."""
    ship(tmp_path, staged, "classify", "rewrite")
    return Store(tmp_path / "root", shipped=tmp_path / "shipped")


def ship(folder: Path, staged: Path, *tasks: str) -> None:
    """Publishes a demo version of each task."""
    shipped = Store(folder / "shipped", shipped=folder / "shipped")
    for task in tasks:
        shipped.publish(staged, draft(task), "card")


def test_a_root_that_does_not_exist_is_empty_and_stays_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "none", shipped=tmp_path / "nor this")
    assert (store.versions(), store.live()) == ([], {})
    with pytest.raises(StoreError, match="there is no classify@1; there is none at all"):
        store.get("classify@1")
    assert not (tmp_path / "none").exists()


class TestPublish:
    def test_the_version_lies_under_task_variant_and_digest(self, store: Store, staged: Path) -> None:
        plain = store.publish(staged, draft(), "# Card\n")
        voice = store.publish(staged, draft("copywrite", "street"), "card")
        short = plain.manifest.digest[:12]
        assert plain.folder == store.root / "versions/classify/default" / f"1-{short}"
        assert voice.folder == store.root / "versions/copywrite/street" / f"1-{short}"
        assert sorted(contents(plain.folder)) == [
            "README.md",
            "adapter_config.json",
            "adapter_model.safetensors",
            "manifest.json",
        ]
        assert contents(plain.folder)["README.md"] == b"# Card\n"
        assert contents(plain.folder)["adapter_model.safetensors"] == contents(staged)["adapter_model.safetensors"]

    def test_the_manifest_takes_rank_alpha_and_modules_from_the_adapter(self, store: Store, staged: Path) -> None:
        manifest = store.publish(staged, draft(), "card").manifest
        assert (manifest.rank, manifest.alpha) == (16, 32)
        assert manifest.modules == ["down_proj", "o_proj"]
        assert datetime.fromisoformat(manifest.created).utcoffset() is not None

    def test_versions_are_numbered_by_channel(self, store: Store, staged: Path) -> None:
        drafts = [draft(), draft("rewrite"), draft(), draft("rewrite", "de")]
        published = [store.publish(staged, draft, "card") for draft in drafts]
        assert names(published) == ["classify@1", "rewrite@1", "classify@2", "rewrite/de@1"]

    def test_a_second_publication_leaves_the_first_alone(self, store: Store, staged: Path, tmp_path: Path) -> None:
        first = store.publish(staged, draft(), "card")
        before = contents(first.folder)
        store.publish(stage(tmp_path / "other", weight=2), draft(), "another card")
        assert contents(first.folder) == before

    def test_the_shipped_store_is_only_read(self, over_shipped: Store, staged: Path, tmp_path: Path) -> None:
        def modified() -> dict[Path, int]:
            return {path: path.stat().st_mtime_ns for path in (tmp_path / "shipped").rglob("*")}

        before = modified()
        over_shipped.publish(staged, draft(), "card")
        over_shipped.rollback("classify")
        assert modified() == before

    def test_the_path_of_the_base_is_left_out(self, store: Store, staged: Path, tmp_path: Path) -> None:
        here = store.publish(staged, draft(), "card")
        elsewhere = stage(tmp_path / "elsewhere", base_model_name_or_path="/mnt/base")
        assert b"somebody" not in contents(here.folder)["adapter_config.json"]
        there = store.publish(elsewhere, draft(), "card")
        assert there.manifest.digest == here.manifest.digest

    def test_the_card_replaces_the_readme_of_peft(self, store: Store, staged: Path) -> None:
        (staged / "README.md").write_text("from PEFT")
        version = store.publish(staged, draft(), "ours")
        assert contents(version.folder)["README.md"] == b"ours"

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("adapter_model.bin", "adapter_model.bin is refused: safetensors only"),
            ("training_args.bin", "training_args.bin is refused: safetensors only"),
            ("optimizer.pt", "optimizer.pt is refused: safetensors only"),
            ("tokenizer.json", "tokenizer.json does not belong in an adapter"),
            ("manifest.json", "manifest.json does not belong in an adapter"),
        ],
    )
    def test_files_that_do_not_belong_are_refused(self, store: Store, staged: Path, name: str, reason: str) -> None:
        (staged / name).touch()
        with pytest.raises(StoreError, match=re.escape(reason)):
            store.publish(staged, draft(), "card")

    @pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
    def test_a_missing_file_is_named(self, store: Store, staged: Path, name: str) -> None:
        (staged / name).unlink()
        with pytest.raises(StoreError, match=f"{name} is missing"):
            store.publish(staged, draft(), "card")

    def test_a_missing_folder_is_named(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="nowhere cannot be read"):
            store.publish(tmp_path / "nowhere", draft(), "card")

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"peft_type": "IA3"}, "peft_type is 'IA3', only LORA can be served"),
            ({"use_dora": True}, "use_dora is True"),
            ({"lora_bias": True}, "lora_bias is True"),
            ({"bias": "all"}, "bias is 'all'"),
            ({"modules_to_save": ["lm_head"]}, "modules_to_save is ['lm_head']"),
            ({"rank_pattern": {"o_proj": 4}}, "rank_pattern is {'o_proj': 4}"),
            ({"r": 0}, "r is 0"),
            ({"r": True}, "r is True"),
            ({"lora_alpha": None}, "lora_alpha is None"),
            ({"lora_alpha": float("nan")}, "lora_alpha is nan, expected a number above 0"),
            ({"lora_alpha": float("inf")}, "lora_alpha is inf"),
            ({"lora_alpha": 0}, "lora_alpha is 0"),
            ({"target_modules": "all-linear"}, "target_modules is 'all-linear', expected a list"),
            ({"target_modules": []}, "target_modules is []"),
        ],
    )
    def test_an_adapter_the_engine_cannot_serve_is_refused(
        self, store: Store, tmp_path: Path, changes: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(StoreError, match=re.escape(reason)):
            store.publish(stage(tmp_path / "odd", **changes), draft(), "card")
        assert store.versions() == []

    @pytest.mark.parametrize(("text", "reason"), [("{", "is not JSON"), ("[]", "an object")])
    def test_a_malformed_configuration_is_refused(self, store: Store, staged: Path, text: str, reason: str) -> None:
        (staged / "adapter_config.json").write_text(text)
        with pytest.raises(StoreError, match=reason):
            store.publish(staged, draft(), "card")

    def test_an_adapter_that_changes_nothing_is_refused(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="changes nothing: all its B matrices are zero"):
            store.publish(stage(tmp_path / "untrained", weight=0), draft(), "card")
        assert store.versions() == []

    @pytest.mark.parametrize("weight", [float("nan"), float("inf")])
    def test_an_adapter_whose_weights_are_no_numbers_is_refused(
        self, store: Store, tmp_path: Path, weight: float
    ) -> None:
        with pytest.raises(StoreError, match="has weights that are NaN or infinite"):
            store.publish(stage(tmp_path / "diverged", weight), draft(), "card")
        assert store.versions() == []

    def test_a_publication_that_fails_leaves_nothing_behind(
        self, store: Store, staged: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError("no space left")

        with monkeypatch.context() as patched:
            patched.setattr("adapters.store.os.replace", full)
            with pytest.raises(OSError, match="no space left"):
                store.publish(staged, draft(), "card")
        assert [path.name for path in store.root.iterdir() if path.name != ".lock"] == ["versions"]
        assert (store.versions(), store.live()) == ([], {})
        assert store.publish(staged, draft(), "card").name == "classify@1"

    def test_all_files_are_on_the_disk_before_the_version_is_visible(
        self, store: Store, staged: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced: set[int] = set()
        on_disk: list[set[str]] = []
        replace = os.replace

        def moving(source: Path, target: Path) -> None:
            paths = [source, *source.glob("*")]
            on_disk.append({path.name for path in paths if path.stat().st_ino in synced})
            replace(source, target)

        monkeypatch.setattr("adapters.store.os.fsync", lambda fd: synced.add(os.fstat(fd).st_ino))
        monkeypatch.setattr("adapters.store.os.replace", moving)
        folder = store.publish(staged, draft(), "card").folder
        assert on_disk == [{"version", *contents(folder)}, {".channels.json"}]
        assert {folder.parent.stat().st_ino, store.root.stat().st_ino} <= synced

    def test_concurrent_threads_never_share_a_number(self, store: Store, staged: Path) -> None:
        with ThreadPoolExecutor(8) as pool:
            published = list(pool.map(lambda _: store.publish(staged, draft(), "card"), range(16)))
        assert sorted(version.manifest.version for version in published) == list(range(1, 17))

    def test_another_process_cannot_publish_meanwhile_and_says_why(self, store: Store, staged: Path) -> None:
        store.publish(staged, draft(), "card")
        code = (
            "import sys; from pathlib import Path; from adapters import store; store.LOCK_SECONDS = 0;"
            "store.Store(Path(sys.argv[1]), shipped=None).activate('classify@1')"
        )

        def other_process() -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-c", code, str(store.root)]
            return subprocess.run(command, capture_output=True, text=True, cwd=REPO, check=False)

        with store._lock():
            refused = other_process()
        assert refused.returncode == 1
        assert f"StoreError: another process is publishing into {store.root}" in refused.stderr
        assert other_process().returncode == 0


class TestVersions:
    def test_they_are_sorted_by_channel_and_number(self, over_shipped: Store, staged: Path) -> None:
        for task in ["extract", *["classify"] * 11]:
            over_shipped.publish(staged, draft(task), "card")
        classify = ["classify@demo-1", *(f"classify@{n}" for n in range(1, 12))]
        assert names(over_shipped.versions()) == [*classify, "extract@1", "rewrite@demo-1"]

    def test_a_folder_without_a_manifest_does_not_count(self, store: Store, staged: Path) -> None:
        version = store.publish(staged, draft(), "card", activate=False)
        (version.folder / "manifest.json").unlink()
        assert store.versions() == []

    @pytest.mark.parametrize("name", ["classify@1", "classify", "../classify/classify@demo-1", "classify\0@1", ""])
    def test_the_error_for_an_unknown_name_lists_the_versions(self, over_shipped: Store, name: str) -> None:
        with pytest.raises(StoreError, match=f"no {name}; there is classify@demo-1, rewrite@demo-1"):
            over_shipped.get(name)

    def test_a_damaged_manifest_is_named(self, store: Store, staged: Path) -> None:
        path = store.publish(staged, draft(), "card").folder / "manifest.json"
        path.write_text(path.read_text().replace('"version": 1', '"version": "one"'))
        with pytest.raises(StoreError, match=r"manifest\.json is damaged: version: "):
            store.versions()

    def test_a_manifest_in_the_wrong_place_is_named(self, store: Store, staged: Path) -> None:
        folder = store.publish(staged, draft(), "card").folder
        folder.rename(folder.with_name("2-" + folder.name[2:]))
        with pytest.raises(StoreError, match=r"belongs in versions/classify/default/1-"):
            store.versions()

    def test_two_versions_of_one_name_are_an_error(self, store: Store, staged: Path, tmp_path: Path) -> None:
        store.publish(staged, draft(), "card")
        other = Store(tmp_path / "another machine", shipped=None)
        folder = other.publish(stage(tmp_path / "other", weight=2), draft(), "card").folder
        folder.rename(store.root / folder.relative_to(other.root))
        with pytest.raises(StoreError, match="classify@1 is used twice"):
            store.versions()


class TestDemoVersions:
    """Shipped and own versions are numbered apart, so that no upgrade of the package can collide with a store."""

    def test_own_versions_are_numbered_from_1(self, over_shipped: Store, staged: Path) -> None:
        assert over_shipped.publish(staged, draft(), "card").name == "classify@1"
        assert names(over_shipped.versions(), "classify") == ["classify@demo-1", "classify@1"]

    def test_a_later_release_may_ship_the_number_of_an_own_version(
        self, over_shipped: Store, staged: Path, tmp_path: Path
    ) -> None:
        for _ in range(2):
            over_shipped.publish(staged, draft(), "card")
        ship(tmp_path, stage(tmp_path / "new", weight=2), "classify")
        assert names(over_shipped.versions(), "classify") == [
            "classify@demo-1",
            "classify@demo-2",
            "classify@1",
            "classify@2",
        ]
        assert live(over_shipped)["classify"] == "classify@2"

    def test_the_root_may_be_the_shipped_store(self, over_shipped: Store, staged: Path, tmp_path: Path) -> None:
        shipped = Store(tmp_path / "shipped", shipped=tmp_path / "shipped")
        assert shipped.publish(staged, draft(), "card").name == "classify@demo-2"
        assert live(shipped) == {"classify": "classify@demo-2", "rewrite": "rewrite@demo-1"}
        assert shipped.rollback("classify").name == "classify@demo-1"

    def test_bare_numbers_in_the_shipped_channels_are_demo_versions(
        self, over_shipped: Store, staged: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "shipped/channels.json").write_text('{"classify": {"live": 1, "previous": null}}')
        over_shipped.publish(staged, draft(), "card", activate=False)
        assert live(over_shipped) == {"classify": "classify@demo-1"}

    @pytest.fixture
    def old(self, over_shipped: Store, staged: Path, tmp_path: Path) -> Store:
        """A store of an earlier release: ids, and own versions 2 and 3 numbered on from the shipped classify 1."""
        elsewhere = Store(tmp_path / "elsewhere", shipped=None)
        folders = [elsewhere.publish(staged, draft(), "card").folder for _ in range(3)]
        for folder in folders[1:]:
            path = folder / "manifest.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"id": 9}))
            target = over_shipped.root / folder.relative_to(elsewhere.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(target)
        write_channels(over_shipped, classify={"live": 2, "previous": 1})
        return over_shipped

    def test_a_store_of_an_earlier_release_is_read(self, old: Store) -> None:
        assert names(old.versions(), "classify") == ["classify@demo-1", "classify@2", "classify@3"]
        assert live(old) == {"classify": "classify@2", "rewrite": "rewrite@demo-1"}
        assert old.rollback("classify").name == "classify@demo-1"

    def test_its_own_numbers_go_on(self, old: Store, staged: Path) -> None:
        assert old.publish(staged, draft(), "card").name == "classify@4"

    def test_a_later_release_does_not_change_its_live_version(self, old: Store, tmp_path: Path) -> None:
        ship(tmp_path, stage(tmp_path / "new", weight=2), "classify", "classify")
        assert live(old)["classify"] == "classify@2"

    @pytest.mark.parametrize("activate", [True, False])
    def test_no_own_version_takes_the_number_that_an_earlier_release_wrote_for_a_demo_version(
        self, over_shipped: Store, staged: Path, activate: bool
    ) -> None:
        write_channels(over_shipped, classify={"live": 1, "previous": None})
        assert over_shipped.publish(staged, draft(), "card", activate).name == "classify@2"
        assert live(over_shipped)["classify"] == ("classify@2" if activate else "classify@demo-1")
        if activate:
            assert over_shipped.rollback("classify").name == "classify@demo-1"

    @pytest.mark.parametrize("label", [1, "demo-1"])
    def test_the_shipped_live_version_replaces_one_that_is_no_longer_shipped(
        self, over_shipped: Store, staged: Path, tmp_path: Path, label: str | int
    ) -> None:
        replace_shipped(over_shipped, staged, tmp_path)
        write_channels(over_shipped, classify={"live": label, "previous": None})
        assert live(over_shipped)["classify"] == "classify@demo-2"
        over_shipped.publish(staged, draft(), "card")
        assert over_shipped.rollback("classify").name == "classify@demo-2"

    @pytest.mark.parametrize("label", [1, "demo-1"])
    def test_and_the_version_to_go_back_to(
        self, over_shipped: Store, staged: Path, tmp_path: Path, label: str | int
    ) -> None:
        write_channels(over_shipped, classify={"live": 4, "previous": None})  # so that the next own version is 5
        over_shipped.publish(staged, draft(), "card")
        replace_shipped(over_shipped, staged, tmp_path)
        write_channels(over_shipped, classify={"live": 5, "previous": label})
        assert over_shipped.rollback("classify").name == "classify@demo-2"

    def test_a_demo_version_does_not_replace_an_own_version_that_is_lost(self, over_shipped: Store) -> None:
        write_channels(over_shipped, classify={"live": 2, "previous": 3})
        with pytest.raises(StoreError, match="channel classify points at classify@2, which is not there"):
            over_shipped.live()
        with pytest.raises(StoreError, match="no earlier version to go back to"):
            over_shipped.rollback("classify")

    def test_a_channel_whose_demo_version_is_gone_for_good_is_left_out(self, over_shipped: Store) -> None:
        over_shipped.activate("classify@demo-1")
        write_channels(over_shipped, classify={"live": "demo-1", "previous": None})
        assert live(Store(over_shipped.root, shipped=None)) == {}

    @settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
    @given(steps=st.lists(st.sampled_from(["publish", "keep back", "ship", "roll back"]), max_size=8))
    def test_no_order_of_releases_and_publications_breaks_a_store(
        self, tmp_path_factory: pytest.TempPathFactory, steps: list[str]
    ) -> None:
        folder = tmp_path_factory.mktemp("store")
        staged = stage(folder / "staged")
        ship(folder, staged, "classify")
        store = Store(folder / "root", shipped=folder / "shipped")
        published: dict[str, Path] = {}
        for step in steps:
            if step == "ship":
                ship(folder, staged, "classify")
            elif step == "roll back":
                with suppress(StoreError):
                    store.rollback("classify")
            else:
                version = store.publish(staged, draft(), "card", activate=step == "publish")
                assert version.name not in published
                published[version.name] = version.folder
            assert {name: store.get(name).folder for name in published} == published
            assert live(store).keys() == {"classify"}


def write_channels(store: Store, **channels: dict[str, str | int | None]) -> None:
    store.root.mkdir(exist_ok=True)
    (store.root / "channels.json").write_text(json.dumps(channels))


def replace_shipped(store: Store, staged: Path, folder: Path) -> None:
    """A later release: ships classify@demo-2 and no longer classify@demo-1."""
    ship(folder, staged, "classify")
    (store.get("classify@demo-1").folder / "manifest.json").unlink()
    assert names(store.versions(), "classify")[0] == "classify@demo-2"


class TestChannels:
    def test_a_published_version_is_live_unless_it_is_not_activated(self, store: Store, staged: Path) -> None:
        store.publish(staged, draft(), "card")
        store.publish(staged, draft(), "card", activate=False)
        assert live(store) == {"classify": "classify@1"}

    def test_a_person_can_read_the_file(self, over_shipped: Store, staged: Path) -> None:
        over_shipped.publish(staged, draft(), "card")
        over_shipped.publish(staged, draft("copywrite", "street"), "card")
        over_shipped.publish(staged, draft("copywrite", "street"), "card")
        assert json.loads((over_shipped.root / "channels.json").read_text()) == {
            "classify": {"live": 1, "previous": "demo-1"},
            "copywrite/street": {"live": 2, "previous": 1},
        }

    def test_the_roots_channels_override_the_shipped_ones(self, over_shipped: Store, staged: Path) -> None:
        assert live(over_shipped)["classify"] == "classify@demo-1"
        over_shipped.publish(staged, draft(), "card")
        assert live(over_shipped) == {"classify": "classify@1", "rewrite": "rewrite@demo-1"}

    def test_rollback_goes_back_to_a_demo_version(self, over_shipped: Store, staged: Path, tmp_path: Path) -> None:
        ship(tmp_path, staged, "classify")
        over_shipped.publish(staged, draft(), "card")
        assert over_shipped.rollback("classify").name == "classify@demo-2"
        assert live(over_shipped)["classify"] == "classify@demo-2"

    def test_a_second_rollback_does_not_bring_back_the_later_version(self, over_shipped: Store, staged: Path) -> None:
        over_shipped.publish(staged, draft(), "card")
        over_shipped.rollback("classify")
        with pytest.raises(StoreError, match="classify has no earlier version"):
            over_shipped.rollback("classify")
        over_shipped.activate("classify@1")
        assert live(over_shipped)["classify"] == "classify@1"

    def test_activating_the_live_version_keeps_the_previous_one(self, store: Store, staged: Path) -> None:
        store.publish(staged, draft(), "card")
        store.publish(staged, draft(), "card")
        store.activate("classify@2")
        assert store.rollback("classify").name == "classify@1"

    def test_the_error_for_an_unknown_channel_lists_the_channels(self, over_shipped: Store) -> None:
        with pytest.raises(StoreError, match="no channel 'extract'; there is classify, rewrite"):
            over_shipped.rollback("extract")

    def test_an_unknown_version_cannot_be_activated(self, over_shipped: Store) -> None:
        with pytest.raises(StoreError, match="there is no classify@2"):
            over_shipped.activate("classify@2")

    def test_an_interrupted_move_leaves_the_old_channels(
        self, store: Store, staged: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.publish(staged, draft(), "card")
        store.publish(staged, draft(), "card", activate=False)

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("adapters.store.os.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            store.activate("classify@2")
        assert live(store)["classify"] == "classify@1"

    @pytest.mark.parametrize(
        "text",
        [
            "{",
            '{"classify": {"live": 0}}',
            '{"classify": {"live": "demo-0"}}',
            '{"classify": {"live": 1, "canary": 2}}',
        ],
    )
    def test_a_damaged_file_is_named(self, store: Store, staged: Path, text: str) -> None:
        store.publish(staged, draft(), "card")
        (store.root / "channels.json").write_text(text)
        with pytest.raises(StoreError, match=r"channels\.json is damaged"):
            store.live()

    def test_a_missing_own_version_is_named_and_another_can_be_activated(self, store: Store, staged: Path) -> None:
        store.publish(staged, draft(), "card", activate=False)
        version = store.publish(staged, draft(), "card")
        (version.folder / "manifest.json").unlink()
        with pytest.raises(StoreError, match="channel classify points at classify@2"):
            store.live()
        store.activate("classify@1")
        assert live(store) == {"classify": "classify@1"}

    def test_a_store_that_is_not_a_folder_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreError, match=r"file/channels\.json cannot be read: Not a directory"):
            Store(tmp_path / "file", shipped=None).live()

    @pytest.mark.parametrize("read", ["_read_channels", "_read_versions"])
    def test_a_publication_between_two_reads_does_not_make_them_fail(
        self, store: Store, staged: Path, monkeypatch: pytest.MonkeyPatch, read: str
    ) -> None:
        store.publish(staged, draft(), "card")
        owner = store_module if read == "_read_channels" else Store
        original: Callable[..., Any] = getattr(owner, read)

        def read_then_publish(*arguments: Any) -> Any:
            monkeypatch.setattr(owner, read, original)
            content = original(*arguments)
            store.publish(staged, draft(), "card")
            return content

        monkeypatch.setattr(owner, read, read_then_publish)
        assert live(store) == {"classify": "classify@1"}
        assert live(store) == {"classify": "classify@2"}


class TestVerify:
    def test_a_sound_version_passes(self, over_shipped: Store) -> None:
        over_shipped.verify("classify@demo-1")

    @pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
    def test_one_changed_byte_is_found(self, store: Store, staged: Path, name: str) -> None:
        path = store.publish(staged, draft(), "card").folder / name
        path.write_bytes(path.read_bytes()[:-1] + b"!")
        with pytest.raises(StoreError, match="classify@1 is damaged: digest"):
            store.verify("classify@1")

    def test_a_missing_file_is_found(self, store: Store, staged: Path) -> None:
        folder = store.publish(staged, draft(), "card").folder
        (folder / "adapter_model.safetensors").unlink()
        with pytest.raises(StoreError, match=r"adapter_model\.safetensors is missing"):
            store.verify("classify@1")

    def test_an_added_file_is_found(self, store: Store, staged: Path) -> None:
        (store.publish(staged, draft(), "card").folder / "adapter_model.bin").touch()
        with pytest.raises(StoreError, match="safetensors only"):
            store.verify("classify@1")


def test_bytes_moved_from_one_file_to_the_other_are_noticed(store: Store, staged: Path) -> None:
    version = store.publish(staged, draft(), "card")
    config = version.folder / "adapter_config.json"
    weights = version.folder / "adapter_model.safetensors"
    whole = config.read_bytes()
    config.write_bytes(whole[:-1])
    weights.write_bytes(whole[-1:] + weights.read_bytes())
    with pytest.raises(StoreError, match="is damaged"):
        store.verify("classify@1")
