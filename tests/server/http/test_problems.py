import gzip
import json
from typing import Any

import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient

from server import errors
from server.app import create_app
from server.engine.fake_engine import FakeEngine
from server.http import problems
from server.http.dependencies import _answering
from server.settings import Settings

JSON = {"Content-Type": "application/json"}


def refused(response: Any, status: int, slug: str) -> dict[str, Any]:
    """The problem in a response, after checks of what every problem must have."""
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["status"]) == (status, status), response.text
    assert response.headers["content-type"] == problems.MEDIA_TYPE
    assert problem["type"] == f"urn:shoplora:problem:{slug}"
    assert problem["title"] and problem["detail"]
    assert problem["instance"] == f"urn:shoplora:request:{response.headers['X-Request-ID']}"
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
        ("copywrite", {"name": "x", "max_words": 4}, "max_words"),
        ("copywrite", {"name": "x", "max_words": 151}, "max_words"),
        ("copywrite", {"name": "x", "context": ["x"] * 6}, "context"),
        ("copywrite", {"name": "x", "attributes": {f"a{i}": "x" for i in range(21)}}, "attributes"),
        ("copywrite", {"name": "x", "attributes": {"color": ["red"]}}, "attributes.color"),
        ("copywrite", {"name": "x", "context": ["a", ""]}, "context.1"),
    ],
)
def test_a_wrong_field_is_named(client: TestClient, path: str, body: Any, field: str) -> None:
    response = client.post(f"/v1/{path}", content=json.dumps(body), headers=JSON)
    problem = refused(response, 422, "invalid-request")
    assert field in [error["field"] for error in problem["errors"]]
    assert "xxx" not in response.text


def test_an_unknown_field_is_called_unknown(client: TestClient) -> None:
    problem = refused(client.post("/v1/classify", json={"title": "a", "colour": "b"}), 422, "invalid-request")
    assert problem["errors"] == [{"field": "colour", "message": "unknown field"}]


def test_many_long_names_make_a_short_answer(client: TestClient) -> None:
    body = {f"{number}{'n' * 500}": 1 for number in range(60)}
    response = client.post("/v1/classify", json=body)
    assert len(refused(response, 422, "invalid-request")["errors"]) == problems.MAX_ERRORS
    assert len(response.content) < 8000


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/poem", "/v1/classify/", "/v1/../etc/passwd"])
def test_an_unknown_path(client: TestClient, path: str) -> None:
    refused(client.post(path, json={}), 404, "not-found")


def test_an_unknown_method(client: TestClient) -> None:
    response = client.get("/v1/classify")
    refused(response, 405, "method-not-allowed")
    assert response.headers["Allow"] == "POST"


def test_a_text_longer_than_the_context_names_the_limit(client: TestClient, engine: FakeEngine) -> None:
    engine.limit = 50
    response = client.post("/v1/classify", json={"title": "red shirt " * 20})
    assert "10 tokens" in refused(response, 422, "text-too-long")["detail"]


def test_a_compressed_body_is_refused_with_what_to_send_instead(client: TestClient) -> None:
    body = gzip.compress(b'{"title": "shirt"}')
    response = client.post("/v1/classify", content=body, headers={**JSON, "Content-Encoding": "gzip"})
    problem = refused(response, 415, "unsupported-media-type")
    assert problem["detail"] == "Send the body without Content-Encoding."
    assert response.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("status", "slug", "headers"),
    [
        (400, "bad-request", {}),
        (401, "unauthorized", {"WWW-Authenticate": "Bearer"}),
        (403, "forbidden", {}),
        (429, "too-many-requests", {"Retry-After": "7"}),
    ],
)
def test_an_http_exception_of_another_package_keeps_its_status_and_headers(
    shop: Settings, engine: FakeEngine, status: int, slug: str, headers: dict[str, str]
) -> None:
    async def refuse() -> None:
        raise HTTPException(status, "Not for you.", headers)

    app = create_app(shop, engine)
    app.dependency_overrides[_answering] = refuse
    response = TestClient(app).post("/v1/classify", json={"title": "shirt"})
    assert refused(response, status, slug)["detail"] == "Not for you."
    assert {name: response.headers[name] for name in headers} == headers


def test_every_refusal_of_the_domain_has_a_problem_type() -> None:
    assert set(problems.OF_REFUSAL) == set(errors.Refusal.__subclasses__())


def test_the_tree_of_the_domains_errors_lists_every_one() -> None:
    tree = errors.__doc__ or ""
    for error in (errors.StartError, errors.Refusal, *errors.Refusal.__subclasses__()):
        assert f"── {error.__name__} " in tree
