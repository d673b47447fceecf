"""The store: names used once, folders that never change, channels that move in one step."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.manifest import Draft
from adapters.store import Store, StoreError, base_digest, default_base, default_root

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


def stage(folder: Path, weights: bytes = b"weights", **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG | changes))
    (folder / "adapter_model.safetensors").write_bytes(weights)
    return folder


def draft(task: str = "classify", variant: str | None = None) -> Draft:
    return Draft(task=task, variant=variant, base_digest="b" * 64, ontology_digest="c" * 64)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.adapter_folder.os.fsync", lambda descriptor: None)


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    return stage(tmp_path / "staged")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "root", shipped=None)


@pytest.fixture
def over_shipped(tmp_path: Path, staged: Path) -> Store:
    """A store over a shipped one that holds and serves classify@1 and rewrite@1."""
    shipped = Store(tmp_path / "shipped", shipped=None)
    shipped.publish(staged, draft(), "card")
    shipped.publish(staged, draft("rewrite"), "card")
    return Store(tmp_path / "root", shipped=tmp_path / "shipped")


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
        assert contents(plain.folder)["adapter_model.safetensors"] == b"weights"

    def test_the_manifest_takes_rank_alpha_and_modules_from_the_adapter(self, store: Store, staged: Path) -> None:
        manifest = store.publish(staged, draft(), "card").manifest
        assert (manifest.rank, manifest.alpha) == (16, 32)
        assert manifest.modules == ["down_proj", "o_proj"]
        assert datetime.fromisoformat(manifest.created).utcoffset() is not None

    def test_versions_count_by_channel_and_ids_over_all(self, store: Store, staged: Path) -> None:
        drafts = [draft(), draft("rewrite"), draft(), draft("rewrite", "de")]
        made = [store.publish(staged, each, "card") for each in drafts]
        assert [version.name for version in made] == ["classify@1", "rewrite@1", "classify@2", "rewrite/de@1"]
        assert [version.manifest.id for version in made] == [1, 2, 3, 4]

    def test_numbers_go_on_from_the_shipped_ones(self, over_shipped: Store, staged: Path) -> None:
        version = over_shipped.publish(staged, draft(), "card")
        assert (version.name, version.manifest.id) == ("classify@2", 3)

    def test_a_second_publication_leaves_the_first_alone(self, store: Store, staged: Path, tmp_path: Path) -> None:
        first = store.publish(staged, draft(), "card")
        before = contents(first.folder)
        store.publish(stage(tmp_path / "other", b"other weights"), draft(), "another card")
        assert contents(first.folder) == before

    def test_the_shipped_store_is_only_read(self, over_shipped: Store, staged: Path, tmp_path: Path) -> None:
        def shipped() -> dict[Path, int]:
            paths = (tmp_path / "shipped").rglob("*")
            return {path: path.stat().st_mtime_ns for path in paths}

        before = shipped()
        over_shipped.publish(staged, draft(), "card")
        over_shipped.rollback("classify")
        assert shipped() == before

    def test_where_the_base_lay_is_left_out(self, store: Store, staged: Path, tmp_path: Path) -> None:
        here = store.publish(staged, draft(), "card")
        elsewhere = stage(tmp_path / "elsewhere", base_model_name_or_path="/mnt/base")
        assert b"somebody" not in contents(here.folder)["adapter_config.json"]
        there = store.publish(elsewhere, draft(), "card")
        assert there.manifest.digest == here.manifest.digest

    def test_pefts_own_readme_gives_way_to_the_card(self, store: Store, staged: Path) -> None:
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
    def test_a_configuration_that_is_none_is_refused(self, store: Store, staged: Path, text: str, reason: str) -> None:
        (staged / "adapter_config.json").write_text(text)
        with pytest.raises(StoreError, match=reason):
            store.publish(staged, draft(), "card")

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

    def test_all_of_it_is_on_the_disk_before_it_counts(
        self, store: Store, staged: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced: set[int] = set()
        counted: list[set[str]] = []
        replace = os.replace

        def moving(source: Path, target: Path) -> None:
            paths = [source, *source.glob("*")]
            counted.append({path.name for path in paths if path.stat().st_ino in synced})
            replace(source, target)

        monkeypatch.setattr("adapters.adapter_folder.os.fsync", lambda fd: synced.add(os.fstat(fd).st_ino))
        monkeypatch.setattr("adapters.store.os.replace", moving)
        folder = store.publish(staged, draft(), "card").folder
        assert counted == [{"version", *contents(folder)}, {".channels.json"}]
        assert {folder.parent.stat().st_ino, store.root.stat().st_ino} <= synced

    def test_concurrent_threads_never_share_a_number(self, store: Store, staged: Path) -> None:
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda _: store.publish(staged, draft(), "card"), range(16)))
        assert sorted(version.manifest.version for version in made) == list(range(1, 17))
        assert sorted(version.manifest.id for version in made) == list(range(1, 17))

    def test_another_process_waits_for_its_turn(self, store: Store, staged: Path) -> None:
        store.publish(staged, draft(), "card")
        code = (
            "import sys; from pathlib import Path; from adapters.store import Store;"
            "store = Store(Path(sys.argv[1]), shipped=None);"
            "print('ready', flush=True); store.activate('classify@1'); print('done')"
        )
        command = [sys.executable, "-c", code, str(store.root)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPO) as other:
            assert other.stdout
            with store._lock():
                assert other.stdout.readline() == "ready\n"
                with pytest.raises(subprocess.TimeoutExpired):
                    other.wait(0.3)
            assert other.stdout.read() == "done\n"
        assert other.returncode == 0

    def test_a_fork_made_meanwhile_does_not_keep_the_lock(self, store: Store, staged: Path) -> None:
        with store._lock():
            descriptors = [os.dup(int(fd)) for fd in os.listdir("/dev/fd") if _is_lock(fd, store)]
        assert descriptors
        store.publish(staged, draft(), "card")
        for descriptor in descriptors:
            os.close(descriptor)


def _is_lock(descriptor: str, store: Store) -> bool:
    try:
        return Path(os.readlink(f"/dev/fd/{descriptor}")) == store.root / ".lock"
    except OSError:
        return False


class TestVersions:
    def test_they_come_by_channel_and_number(self, store: Store, staged: Path) -> None:
        for each in [draft("rewrite"), *[draft()] * 11]:
            store.publish(staged, each, "card")
        names = [version.name for version in store.versions()]
        assert names == [*(f"classify@{n}" for n in range(1, 12)), "rewrite@1"]

    def test_one_channel_only(self, store: Store, staged: Path) -> None:
        for variant in (None, "street"):
            store.publish(staged, draft("copywrite", variant), "card")
        assert [v.name for v in store.versions("copywrite")] == ["copywrite@1"]
        assert [v.name for v in store.versions("copywrite/street")] == ["copywrite/street@1"]

    def test_a_folder_without_a_manifest_does_not_count(self, store: Store, staged: Path) -> None:
        version = store.publish(staged, draft(), "card", activate=False)
        (version.folder / "manifest.json").unlink()
        assert store.versions() == []

    def test_an_unknown_name_is_told_what_there_is(self, over_shipped: Store) -> None:
        with pytest.raises(StoreError, match="no classify@9; there is classify@1, rewrite@1"):
            over_shipped.get("classify@9")

    @pytest.mark.parametrize("name", ["../classify@1", "classify/../x@1", "classify\0@1", ""])
    def test_what_is_no_name_is_refused(self, over_shipped: Store, name: str) -> None:
        with pytest.raises(StoreError, match="no adapter's name"):
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

    def test_one_name_for_two_versions_is_an_error(self, over_shipped: Store, tmp_path: Path) -> None:
        alone = Store(over_shipped.root, shipped=None)
        alone.publish(stage(tmp_path / "other", b"other"), draft(), "card")
        with pytest.raises(StoreError, match="classify@1 is used twice"):
            over_shipped.versions()

    def test_one_id_for_two_versions_is_an_error(self, over_shipped: Store, staged: Path) -> None:
        alone = Store(over_shipped.root, shipped=None)
        alone.publish(staged, draft("extract"), "card")
        with pytest.raises(StoreError, match="the id 1 is used twice"):
            over_shipped.versions()

    def test_the_root_may_be_the_shipped_store(self, tmp_path: Path, staged: Path) -> None:
        store = Store(tmp_path, shipped=tmp_path)
        store.publish(staged, draft(), "card")
        assert [version.name for version in store.versions()] == ["classify@1"]


class TestChannels:
    def test_what_is_published_goes_live_unless_told_otherwise(self, store: Store, staged: Path) -> None:
        store.publish(staged, draft(), "card")
        store.publish(staged, draft(), "card", activate=False)
        assert {channel: v.name for channel, v in store.live().items()} == {"classify": "classify@1"}

    def test_the_file_is_one_a_person_can_read(self, store: Store, staged: Path) -> None:
        store.publish(staged, draft(), "card")
        store.publish(staged, draft(), "card")
        store.publish(staged, draft("copywrite", "street"), "card")
        assert json.loads((store.root / "channels.json").read_text()) == {
            "classify": {"live": 2, "previous": 1},
            "copywrite/street": {"live": 1, "previous": None},
        }

    def test_the_roots_word_goes_before_the_shipped_one(self, over_shipped: Store, staged: Path) -> None:
        assert over_shipped.live()["classify"].name == "classify@1"
        over_shipped.publish(staged, draft(), "card")
        live = {channel: version.name for channel, version in over_shipped.live().items()}
        assert live == {"classify": "classify@2", "rewrite": "rewrite@1"}

    def test_rollback_goes_back_to_a_shipped_version(self, over_shipped: Store, staged: Path) -> None:
        over_shipped.publish(staged, draft(), "card")
        assert over_shipped.rollback("classify").name == "classify@1"
        assert over_shipped.live()["classify"].name == "classify@1"

    def test_a_second_rollback_does_not_bring_back_what_was_left(self, over_shipped: Store, staged: Path) -> None:
        over_shipped.publish(staged, draft(), "card")
        over_shipped.rollback("classify")
        with pytest.raises(StoreError, match="classify has no earlier version"):
            over_shipped.rollback("classify")
        over_shipped.activate("classify@2")
        assert over_shipped.live()["classify"].name == "classify@2"

    def test_activating_what_is_live_keeps_the_way_back(self, store: Store, staged: Path) -> None:
        store.publish(staged, draft(), "card")
        store.publish(staged, draft(), "card")
        store.activate("classify@2")
        assert store.rollback("classify").name == "classify@1"

    def test_an_unknown_channel_is_told_what_there_is(self, over_shipped: Store) -> None:
        with pytest.raises(StoreError, match="no channel 'extract'; there is classify, rewrite"):
            over_shipped.rollback("extract")

    def test_an_unknown_version_cannot_be_activated(self, over_shipped: Store) -> None:
        with pytest.raises(StoreError, match="there is no classify@2"):
            over_shipped.activate("classify@2")

    def test_a_move_that_is_cut_off_leaves_the_old_channels(
        self, store: Store, staged: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.publish(staged, draft(), "card")
        store.publish(staged, draft(), "card", activate=False)

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("adapters.store.os.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            store.activate("classify@2")
        assert store.live()["classify"].name == "classify@1"

    @pytest.mark.parametrize("text", ["{", '{"classify": {"live": 0}}', '{"classify": {"live": 1, "canary": 2}}'])
    def test_a_damaged_file_is_named(self, store: Store, staged: Path, text: str) -> None:
        store.publish(staged, draft(), "card")
        (store.root / "channels.json").write_text(text)
        with pytest.raises(StoreError, match=r"channels\.json is damaged"):
            store.live()

    def test_a_channel_that_points_at_nothing_is_named(self, store: Store, staged: Path) -> None:
        version = store.publish(staged, draft(), "card")
        (version.folder / "manifest.json").unlink()
        with pytest.raises(StoreError, match="channel classify points at classify@1"):
            store.live()


class TestVerify:
    def test_a_sound_version_passes(self, over_shipped: Store) -> None:
        over_shipped.verify("classify@1")

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


def test_bytes_cannot_move_from_one_file_to_the_other_unseen(store: Store, staged: Path) -> None:
    version = store.publish(staged, draft(), "card")
    config = version.folder / "adapter_config.json"
    weights = version.folder / "adapter_model.safetensors"
    whole = config.read_bytes()
    config.write_bytes(whole[:-1])
    weights.write_bytes(whole[-1:] + weights.read_bytes())
    with pytest.raises(StoreError, match="is damaged"):
        store.verify("classify@1")


def test_the_digest_of_a_base_is_that_of_its_model_file(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"abc")
    whole = base_digest(tmp_path)
    assert whole == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "model.safetensors").rename(tmp_path / "model-2-of-2.safetensors")
    (tmp_path / "model-1-of-2.safetensors").write_bytes(b"")
    assert base_digest(tmp_path) == whole


def test_a_base_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no \*\.safetensors"):
        base_digest(tmp_path)


def test_the_root_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOPLORA_STORE", raising=False)
    assert default_root() == Path(".shoplora/store")
    monkeypatch.setenv("SHOPLORA_STORE", os.sep + "srv")
    assert default_root() == Path("/srv")
    assert default_base().parts[-3:] == ("adapters", "shipped", "base")
