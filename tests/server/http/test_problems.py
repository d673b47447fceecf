from typing import Any

import pytest
from fastapi.testclient import TestClient

from server.engine.fake_engine import FakeEngine
from server.http import problems as errors

JSON = {"Content-Type": "application/json"}


def refused(answered: Any, status: int, slug: str) -> dict[str, Any]:
    """The problem in it, after checks of what each must have."""
    problem: dict[str, Any] = answered.json()
    assert (answered.status_code, problem["status"]) == (status, status), answered.text
    assert answered.headers["content-type"] == errors.MEDIA_TYPE
    assert problem["type"] == f"urn:shoplora:problem:{slug}"
    assert problem["title"] and problem["detail"]
    assert problem["instance"] == f"urn:shoplora:request:{answered.headers['X-Request-ID']}"
    return problem


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("classify", {}, "title"),
        ("classify", {"title": "shirt", "titel": "x"}, "titel"),
        ("classify", {"title": ""}, "title"),
        ("classify", {"title": "   "}, "title"),
        ("classify", {"title": "x" * 301}, "title"),
        ("classify", {"title": 5}, "title"),
        ("classify", {"title": "\ud800"}, "title"),
        ("classify", [], "body"),
        ("rewrite", {"query": " ".join("abcdefgh" * 5)}, "query"),
        ("copywrite", {"name": "x", "max_words": 1}, "max_words"),
        ("copywrite", {"name": "x", "attributes": {"color": ["red"]}}, "attributes.color"),
        ("copywrite", {"name": "x", "context": ["a", ""]}, "context.1"),
    ],
)
def test_a_wrong_field_is_named(client: TestClient, path: str, body: Any, field: str) -> None:
    import json

    answered = client.post(f"/v1/{path}", content=json.dumps(body), headers=JSON)
    problem = refused(answered, 422, "invalid-request")
    assert field in [error["field"] for error in problem["errors"]]
    assert "xxx" not in answered.text


def test_an_unknown_field_is_called_unknown(client: TestClient) -> None:
    problem = refused(client.post("/v1/classify", json={"title": "a", "colour": "b"}), 422, "invalid-request")
    assert problem["errors"] == [{"field": "colour", "message": "unknown field"}]


def test_many_long_names_make_a_short_answer(client: TestClient) -> None:
    body = {f"{number}{'n' * 500}": 1 for number in range(60)}
    answered = client.post("/v1/classify", json=body)
    assert len(refused(answered, 422, "invalid-request")["errors"]) == errors.MAX_ERRORS
    assert len(answered.content) < 8000


@pytest.mark.parametrize(
    ("content", "status", "slug"),
    [
        (b'{"title": ', 400, "invalid-json"),
        (b"", 422, "invalid-request"),
        (b"[" * 50_000, 400, "invalid-json"),
        (b'{"title": "\xff\xfe"}', 400, "invalid-utf8"),
        (b'{"title": "' + b"x" * 70_000 + b'"}', 413, "body-too-large"),
    ],
)
def test_a_wrong_body(client: TestClient, content: bytes, status: int, slug: str) -> None:
    refused(client.post("/v1/classify", content=content, headers=JSON), status, slug)


def test_a_body_that_is_not_declared_as_json(client: TestClient) -> None:
    answered = client.post("/v1/classify", content=b'{"title": "shirt"}', headers={"Content-Type": "text/plain"})
    refused(answered, 415, "unsupported-media-type")


def test_a_body_without_length_is_limited_too(client: TestClient) -> None:
    chunks = (b"x" * 10_000 for _ in range(10))
    refused(client.post("/v1/classify", content=chunks, headers=JSON), 413, "body-too-large")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/poem", "/v1/classify/", "/v1/../etc/passwd"])
def test_an_unknown_path(client: TestClient, path: str) -> None:
    refused(client.post(path, json={}), 404, "not-found")


def test_an_unknown_method(client: TestClient) -> None:
    answered = client.get("/v1/classify")
    refused(answered, 405, "method-not-allowed")
    assert answered.headers["Allow"] == "POST"


def test_a_text_longer_than_the_context_names_the_limit(client: TestClient, engine: FakeEngine) -> None:
    engine.limit = 50
    answered = client.post("/v1/classify", json={"title": "red shirt " * 20})
    assert "10 tokens" in refused(answered, 422, "text-too-long")["detail"]
    streamed = {"name": "a candle " * 20, "stream": True}
    refused(client.post("/v1/copywrite", json=streamed), 422, "text-too-long")


def test_an_engine_error(client: TestClient, engine: FakeEngine) -> None:
    def broken(job: Any) -> list[str]:
        raise errors.EngineFailed("The engine failed; the error was logged.")

    engine.answer = broken
    answered = client.post("/v1/classify", json={"title": "shirt"})
    refused(answered, 503, "engine-failed")
    assert answered.headers["Retry-After"] == "5"


def test_an_unexpected_error_shows_no_traceback(client: TestClient, engine: FakeEngine) -> None:
    def broken(job: Any) -> list[str]:
        raise RuntimeError("secret")

    engine.answer = broken
    answered = client.post("/v1/classify", json={"title": "shirt"})
    refused(answered, 500, "internal-error")
    assert "secret" not in answered.text and "Traceback" not in answered.text


def test_the_tree_at_the_top_lists_every_problem() -> None:
    for kind in (errors.Problem, *errors.Problem.__subclasses__()):
        line = next(line for line in (errors.__doc__ or "").splitlines() if kind.__name__ in line)
        assert line.split()[-2:] == [str(kind.status), kind.slug]
