"""Readers of the public data sets: typed records, each with its split. Knows files, no task.

Splits: QueryNER and DMASTE as published; fashion by unique title; pricerunner by product cluster;
retail-demo-store by the products that share an id or a name; HATN by text.
"""

import ast
import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from adapters.cleaning import plain
from training.public.sources import find
from training.text import detokenise, is_acceptance, key, split_of

DMASTE_TRAINED = ("beauty", "electronics", "fashion", "home")
DMASTE_UNSEEN = ("book", "grocery", "pet", "toy")
DMASTE_DOMAINS = (*DMASTE_TRAINED, *DMASTE_UNSEEN)
HATN_DOMAINS = ("electronics", "kitchen")
# https://github.com/bltlab/query-ner names the types; an odd tag begins one, the next continues it.
QUERY_TYPES = (
    "UoM color condition content core_product_type creator department material modifier occasion "
    "origin price product_name product_number quantity shape time"
).split()


@dataclass(frozen=True, slots=True)
class FashionTitle:
    split: str
    title: str
    path: tuple[str, str, str]
    color: str | None
    gender: str


@dataclass(frozen=True, slots=True)
class SupplierTitle:
    split: str
    title: str
    category: str


@dataclass(frozen=True, slots=True)
class Query:
    split: str
    words: tuple[str, ...]
    tags: tuple[str, ...]  # `O`, `B-type` or `I-type`, one a word


@dataclass(frozen=True, slots=True)
class Triplet:
    aspect: str | None  # None: the aspect is implicit
    opinion: str | None
    sentiment: str  # positive, negative or neutral
    category: str | None = None  # in the data set's words


@dataclass(frozen=True, slots=True)
class Review:
    split: str
    domain: str
    text: str
    triplets: tuple[Triplet, ...] = ()
    sentiment: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    split: str
    name: str
    category: str
    style: str
    gender: str | None
    description: str


def fashion() -> Iterator[FashionTitle]:
    """One record a unique title (the first row that has it); acceptance examples are left out."""
    (styles,) = find("animmala3942/FashionProductRecommendationSystem", "styles.csv")
    (titles,) = find("animmala3942/FashionProductRecommendationSystem", "styles_text.csv")
    seen: set[str] = set()
    with (
        styles.open(encoding="utf-8", errors="replace", newline="") as labels,
        titles.open(encoding="utf-8", errors="replace", newline="") as texts,
    ):
        for row, text in zip(csv.DictReader(labels), csv.DictReader(texts), strict=True):
            title = plain(text["productDisplayName"] or "")
            identity = key(title)
            if not identity or identity in seen or is_acceptance(title):
                continue
            seen.add(identity)
            path = row["masterCategory"], row["subCategory"], row["articleType"]
            color = row["baseColour"].lower()
            color = None if color in ("", "na") else color
            yield FashionTitle(split_of(identity), title, path, color, row["gender"].lower())


def pricerunner() -> Iterator[SupplierTitle]:
    """Supplier titles of electronics and appliances; a product's titles share a split."""
    (file,) = find("KelvinLam05/product_classification", "pricerunner_aggregate.csv")
    with file.open(encoding="utf-8", newline="") as lines:
        for _id, title, _vendor, cluster, _label, _category_id, category in csv.reader(lines):
            yield SupplierTitle(split_of(f"cluster {cluster}"), plain(title), category)


def queries(split: str) -> list[Query]:
    """QueryNER's published split (train, validation or test); acceptance examples left out."""
    (file,) = find("mdfwg/queryner-kd", f"data/raw/{split}.json")
    records = json.loads(file.read_text(encoding="utf-8"))["examples"]
    rows = (Query(split, tuple(r["tokens"]), tuple(_tag(number) for number in r["ner_tags"])) for r in records)
    return [query for query in rows if not is_acceptance(" ".join(query.words))]


def _tag(number: int) -> str:
    if number == 0:
        return "O"
    return f"{'B' if number % 2 else 'I'}-{QUERY_TYPES[(number - 1) // 2]}"


def dmaste(split: str, domains: tuple[str, ...] = DMASTE_TRAINED) -> list[Review]:
    """Reviews with (aspect, opinion, sentiment) triplets; `split` is train, dev or test."""
    return [review for domain in domains for review in _dmaste_file(domain, split)]


def _dmaste_file(domain: str, split: str) -> Iterator[Review]:
    names = {"POS": "positive", "NEG": "negative", "NEU": "neutral"}
    (file,) = find("NJUNLP/DMASTE", f"dataset/{domain}/{split}.txt")
    for line in file.read_text(encoding="utf-8").splitlines():
        sentence, labels, *_ = line.split("####")
        words = sentence.split()
        triplets = tuple(
            Triplet(_span(words, aspect), _span(words, opinion), names[polarity])
            for aspect, opinion, polarity in ast.literal_eval(labels)
        )
        yield Review(split, domain, detokenise(sentence), triplets)


def _span(words: list[str], ends: list[int]) -> str | None:
    return None if ends[0] < 0 else detokenise(" ".join(words[ends[0] : ends[-1] + 1]))


def hatn() -> Iterator[Review]:
    """Reviews with an overall sentiment, positive or negative."""
    for domain in HATN_DOMAINS:
        for sentiment in ("positive", "negative"):
            (file,) = find("hsqmlzno1/HATN", f"raw_data/{domain}/review_{sentiment}")
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                text = detokenise(line)
                if text:
                    yield Review(split_of(key(text)), domain, text, sentiment=sentiment)


def products() -> list[Product]:
    """retail-demo-store's products as in each of four commits, without repetitions.

    Products that share an id or, in any commit, a name are one group and fall in one split.
    """
    records: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in ("src/products/data", "src/products/src/products-service/data"):
        for file in find("aws-samples/retail-demo-store", f"{path}/products.yaml"):
            for record in yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
                records[str(record["id"])].append(record)
    group = _groups({identity: {key(r["name"]) for r in rows} for identity, rows in records.items()})
    rows = ((group[identity], record) for identity in sorted(records) for record in records[identity])
    described = (_product(name, record) for name, record in rows if record.get("description"))
    return list({(p.name, p.description): p for p in described}.values())


def _groups(names: dict[str, set[str]]) -> dict[str, str]:
    """For each id the smallest of all ids that are linked to it by shared names."""
    ids = sorted(names)
    first: dict[str, int] = {}  # the first id that has a name, as an index
    links = np.array([(i, first.setdefault(name, i)) for i, identity in enumerate(ids) for name in names[identity]])
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(len(ids), len(ids)))
    _, components = connected_components(graph, directed=False)
    smallest: dict[int, str] = {}
    return {i: smallest.setdefault(component, i) for i, component in zip(ids, components, strict=True)}


def _product(group: str, record: dict[str, Any]) -> Product:
    affinity = {"F": "women", "M": "men"}
    return Product(
        split_of(f"product {group}"),
        plain(str(record["name"])),
        str(record["category"]),
        str(record.get("style") or record["category"]),
        affinity.get(str(record.get("gender_affinity"))),
        plain(str(record["description"])),
    )
