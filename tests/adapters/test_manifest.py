"""Names that contain no path, manifests that cannot change, confidence from log-probability."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.manifest import Calibration, DataSource, Draft, Manifest, parse_name
from adapters.store import Version

tasks = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
variants = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True).filter(lambda variant: variant != "default")
channels = st.one_of(tasks, st.builds("{}/{}".format, tasks, variants))
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
numbers = st.integers(1, 10**9 - 1)
labels = st.builds("{}{}".format, st.sampled_from(["", "demo-"]), numbers)


def manifest(**changes: object) -> Manifest:
    given: dict[str, object] = {
        "task": "copywrite",
        "variant": "streetwear",
        "version": 2,
        "digest": "0" * 64,
        "base_digest": "1" * 64,
        "ontology_digest": "2" * 64,
        "created": "2026-01-31T12:00:00+00:00",
        "rank": 16,
        "alpha": 32,
        "modules": ["o_proj"],
        "recipe": {"lr": 0.004},
        "data": [DataSource(name="titles", licence="MIT", rows=3)],
        "metrics": {"accuracy": 0.9},
        "calibration": Calibration(slope=2.0),
    }
    return Manifest.model_validate(given | changes)


@patient
@given(channels, labels)
def test_a_name_is_read_as_it_was_written(channel: str, label: str) -> None:
    assert parse_name(f"{channel}@{label}") == (channel, label)


@patient
@given(st.one_of(st.text(), st.text("az09_-/@.\0\n", max_size=12)))
def test_what_parses_is_what_it_was_and_no_path_out(text: str) -> None:
    try:
        channel, label = parse_name(text)
    except ValueError:
        return
    assert f"{channel}@{label}" == text
    assert not {"", ".", ".."} & set(channel.split("/"))
    assert channel.count("/") <= 1


@patient
@given(channels, numbers, st.sampled_from(["..", "/", "\0", "\n", " ", "\\", "%", "."]), st.data())
def test_one_foreign_character_anywhere_spoils_a_name(
    channel: str, number: int, foreign: str, data: st.DataObject
) -> None:
    task, *variant = channel.split("/")
    name = f"{task}/{variant[0] if variant else 'variant'}@{number}"
    at = data.draw(st.integers(0, len(name)))
    with pytest.raises(ValueError, match="not the name of a version"):
        parse_name(name[:at] + foreign + name[at:])


@pytest.mark.parametrize(
    "name",
    [
        "",
        "classify",
        "classify@",
        "classify@0",
        "classify@01",
        "classify@demo-",
        "classify@demo-0",
        "classify@demo2",
        "classify@Demo-2",
        "classify@-1",
        "classify@1.0",
        "classify@1\n",
        "classify@\N{ARABIC-INDIC DIGIT ONE}",
        "classify@" + "9" * 5000,
        "Classify@1",
        "_classify@1",
        "a" * 65 + "@1",
        "copywrite/@1",
        "copywrite/-street@1",
        "copywrite/Street@1",
        "copywrite/a/b@1",
        "copywrite/default@1",
        "../copywrite@1",
        "copywrite/..@1",
        "/copywrite@1",
    ],
)
def test_refused_names(name: str) -> None:
    with pytest.raises(ValueError, match="such as classify@1 or copywrite/streetwear@2"):
        parse_name(name)


def test_a_variant_may_begin_with_the_reserved_word() -> None:
    assert parse_name("copywrite/default-voice@1") == ("copywrite/default-voice", "1")


@patient
@given(tasks, st.none() | variants, numbers, st.booleans())
def test_the_name_of_every_version_parses(task: str, variant: str | None, number: int, is_demo: bool) -> None:
    version = Version(manifest(task=task, variant=variant, version=number), Path(), is_demo)
    assert parse_name(version.name) == (version.manifest.channel, str(version.label))


def test_names_of_own_and_demo_versions() -> None:
    assert Version(manifest(), Path()).name == "copywrite/streetwear@2"
    assert Version(manifest(task="classify", variant=None), Path(), is_demo=True).name == "classify@demo-2"


def test_a_manifest_comes_back_from_its_json() -> None:
    assert Manifest.model_validate_json(manifest().model_dump_json()) == manifest()


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "../x"},
        {"task": "x\n"},
        {"variant": ".."},
        {"variant": "default"},
        {"variant": ""},
        {"version": 0},
        {"rank": 0},
        {"modules": []},
        {"digest": "../../etc"},
    ],
)
def test_a_manifest_refuses(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        manifest(**changes)


def test_a_manifest_of_another_release_may_have_more_fields() -> None:
    assert manifest(id=7) == manifest()


def test_a_manifest_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        manifest().version = 3


def test_a_draft_needs_only_task_base_and_ontology() -> None:
    draft = Draft(task="classify", base_digest="1" * 64, ontology_digest="2" * 64)
    assert (draft.channel, draft.calibration) == ("classify", Calibration())


def test_confidence_is_the_logistic_of_the_scaled_logprob() -> None:
    calibration = Calibration(slope=2.0, intercept=1.0)
    assert calibration.confidence(-0.5) == pytest.approx(0.5)
    assert calibration.confidence(-1.5) == pytest.approx(1 / (1 + math.exp(2)))


@patient
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(max_value=0, allow_nan=False, width=32))
def test_confidence_is_a_probability_however_unlikely_the_line(slope: float, intercept: float, logprob: float) -> None:
    if slope == 0 and math.isinf(logprob):
        return
    assert 0 <= Calibration(slope=slope, intercept=intercept).confidence(logprob) <= 1


@patient
@given(st.floats(0, 10), st.floats(-10, 10), st.floats(-50, 0), st.floats(-50, 0))
def test_a_likelier_line_is_never_less_confident(slope: float, intercept: float, one: float, other: float) -> None:
    calibration = Calibration(slope=slope, intercept=intercept)
    low, high = sorted([one, other])
    assert calibration.confidence(low) <= calibration.confidence(high)
