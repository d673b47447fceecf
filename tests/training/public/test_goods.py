"""The sets of broader goods as they are read: how much, in whose words, what splits, and what is no title."""

from __future__ import annotations

import json
import zipfile
from collections import defaultdict
from pathlib import Path

import pytest

from tests.training.public.test_readers import in_one_split_each, near_80_10_10
from training.public import goods
from training.public.goods import READERS, REPOSITORIES
from training.public.sources import sources
from training.text import is_acceptance, key

ROWS = {
    "mwpd": 15_900,
    "implicit-ave": 36_300,
    "grocery-db": 24_000,
    "pave": 1_420,
    "superstore": 1_890,
    "recalls": 2_500,
    "amazon": 1_000,
    "flipkart": 1_050,
    "best-buy": 3_290,
    "contoso": 2_517,
}
PUBLISHED = ("mwpd", "pave")


def test_every_source_has_a_reader_and_a_listed_repository() -> None:
    assert set(READERS) == set(REPOSITORIES) == set(ROWS)
    assert set(REPOSITORIES.values()) <= {source.repository for source in sources()}


@pytest.mark.data
@pytest.mark.parametrize("name", ROWS)
def test_every_row_has_a_title_and_a_category_in_the_source_s_words(name: str) -> None:
    offers = list(READERS[name]())
    assert ROWS[name] <= len(offers) <= ROWS[name] * 1.03
    for offer in offers:
        assert key(offer.title) and offer.title == " ".join(offer.title.split())
        assert goods.LOST not in offer.title
        assert not is_acceptance(offer.title)
    assert sum(bool(offer.path) for offer in offers) / len(offers) > 0.9
    assert in_one_split_each((offer.title, offer.split) for offer in offers if name not in PUBLISHED)
    assert name in PUBLISHED or near_80_10_10((offer.split for offer in offers), 0.03)


@pytest.mark.data
def test_a_product_of_a_published_test_split_is_in_no_other() -> None:
    folder = "data/processed_datasets/wdc_with_all_attributes_normalized"
    (test,) = goods.find(REPOSITORIES["pave"], f"{folder}/test.jsonl")
    tested = {json.loads(line)["cluster_id"] for line in test.read_text(encoding="utf-8").splitlines()}
    (train,) = goods.find(REPOSITORIES["pave"], f"{folder}/train_large.jsonl")
    rows = [json.loads(line) for line in train.read_text(encoding="utf-8").splitlines()]
    offers = list(goods.pave())[-len(rows) :]
    assert all(offer.split == "test" for offer, row in zip(offers, rows, strict=True) if row["cluster_id"] in tested)


@pytest.mark.data
def test_colors_of_a_made_up_product_share_a_split() -> None:
    splits = defaultdict(set)
    for offer in goods.contoso():
        splits[offer.title.rsplit(" ", 1)[0]].add(offer.split)
    assert all(len(of_product) == 1 for of_product in splits.values())


def test_an_offer_of_the_web_is_cleaned_or_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [
        "Acme&trade; Mug \ufffd 30 cl",
        "Gener\ufffdci\ufffd mug",
        "http://shop.example/mug",
        "Log In needed $5 mug",
    ]
    levels = {"lvl1": "1_Tools \ufffd Hand", "lvl2": "2_Cups", "lvl3": "3_Mugs"}
    rows = [{"Name": name, **levels} for name in names]
    for archive, files in (("train_val", ("train.json", "validation.json")), ("testset", ("testset.json",))):
        with zipfile.ZipFile(tmp_path / f"task2_{archive}_with_labels.zip", "w") as zipped:
            for file in files:
                zipped.writestr(file, "\n".join(map(json.dumps, rows)))
    monkeypatch.setattr(goods, "find", lambda repository, path: [tmp_path / Path(path).name])
    offers = list(goods.mwpd())
    assert [offer.split for offer in offers] == ["train", "validation", "test"]
    assert (offers[0].title, offers[0].path) == ("Acme™ Mug 30 cl", ("Tools - Hand", "Cups", "Mugs"))


def test_what_a_title_begins_and_ends_with_is_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "val.tsv"
    file.write_text('id\tcategory\ttexts\n1\tMugs\t"[Title]  3dRose Mug, 6"" tall"\n2\tMugs\t[Title] Red  Mug\n')
    monkeypatch.setattr(goods, "find", lambda repository, path: [file])
    titles = [offer.title for offer in goods._implicit_ave_file("Home/val")]
    assert titles == ['3dRose Mug, 6" tall', "Red Mug"]


def test_a_notice_about_several_kinds_of_goods_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notices = [
        {"product_types": ["Cribs"], "descriptions": ["Acme cribs", "Acme drop-side cribs"]},
        {"product_types": ["Cribs", "Beds"], "descriptions": ["Acme beds"]},
        {"product_types": None, "descriptions": None},
    ]
    file = tmp_path / "Cribs.json"
    file.write_text(json.dumps({"success": {"results": notices}}))
    listed = [source for source in sources() if source.path == "data/Cribs.json"]
    monkeypatch.setattr(goods, "find", lambda repository, path: [file])
    monkeypatch.setattr(goods, "sources", lambda: listed)
    offers = list(goods.recalls())
    assert [(offer.title, offer.path) for offer in offers] == [
        ("Acme cribs", ("Cribs",)),
        ("Acme drop-side cribs", ("Cribs",)),
    ]


def test_sizes_and_models_of_a_product_have_one_identity() -> None:
    assert goods._product_key("Acme Drill X300 18V, blue") == goods._product_key("ACME drill 20V blue")
    assert goods._product_key("Avery 480") == goods._product_key("avery 512")
    assert goods._product_key("501") == "501"
