"""Fetching over HTTP from a server of our own: resuming, checksums, and the errors that a user sees."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from training.public import sources
from training.public.sources import Source, SourceError

CONTENT = bytes(range(256)) * 800  # several chunks
NAME = "owner/repo/abc123/folder/file.bin"


@dataclass
class Served:
    """What the server does, and the path and range of each request to it."""

    url: str = ""
    content: bytes = CONTENT
    honours_range: bool = True
    breaks_after: int | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def served() -> Iterator[Served]:
    state = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            byte_range = self.headers.get("Range")
            state.requests.append((self.path, byte_range))
            if self.path != f"/{NAME}":
                self.send_error(404)
                return
            start = int(re.findall(r"\d+", byte_range)[0]) if byte_range and state.honours_range else 0
            if start >= len(state.content):
                self.send_error(416)
                return
            body = state.content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.breaks_after])

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}"
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def file(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """One listed file, on that server only."""
    source = Source("owner/repo", "abc123", "folder/file.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "MIT")
    monkeypatch.setattr(sources, "RAW_FILES", served.url)
    monkeypatch.setattr(sources, "sources", lambda: (source,))
    monkeypatch.setenv("SHOPLORA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SHOPLORA_MIRROR", str(tmp_path / "mirror"))
    return source


def written(place: Path, content: bytes) -> Path:
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    return place


def test_a_file_is_downloaded_into_the_cache_once(file: Source, served: Served, tmp_path: Path) -> None:
    assert not sources.available()
    place = tmp_path / "cache" / NAME
    assert sources.fetch() == [place]
    assert place.read_bytes() == CONTENT
    assert sources.available()
    assert sources.find("owner/repo", "folder/file.bin") == [place]
    assert list(place.parent.iterdir()) == [place]
    assert sources.fetch() == [place]
    assert len(served.requests) == 1  # a second fetch downloads nothing


@pytest.mark.parametrize(
    ("earlier", "honours_range", "ranges"),
    [
        pytest.param(CONTENT[:1000], True, ["bytes=1000-"], id="goes on where it stopped"),
        pytest.param(CONTENT[:1000], False, ["bytes=1000-"], id="the server sends all again"),
        pytest.param(CONTENT, True, [], id="complete: nothing is requested"),
        pytest.param(CONTENT + b"more", True, [None], id="too long: started afresh"),
    ],
)
def test_an_earlier_download_is_completed(
    earlier: bytes, honours_range: bool, ranges: list[str | None], file: Source, served: Served, tmp_path: Path
) -> None:
    served.honours_range = honours_range
    written(tmp_path / "cache" / f"{NAME}.part", earlier)
    (place,) = sources.fetch()
    assert served.requests == [(f"/{NAME}", byte_range) for byte_range in ranges]
    assert place.read_bytes() == CONTENT


def test_a_broken_download_says_how_to_resume_and_does(file: Source, served: Served, tmp_path: Path) -> None:
    served.breaks_after = 150_000
    with pytest.raises(SourceError, match="Run the command again to resume"):
        sources.fetch()
    served.breaks_after = None
    (place,) = sources.fetch()
    assert re.fullmatch(r"bytes=1\d{5}-", served.requests[1][1] or "")
    assert place.read_bytes() == CONTENT


def test_other_content_is_refused_and_leaves_nothing(file: Source, served: Served, tmp_path: Path) -> None:
    served.content = CONTENT[::-1]
    with pytest.raises(SourceError) as refused:
        sources.fetch()
    assert file.sha256 in str(refused.value)
    assert hashlib.sha256(CONTENT[::-1]).hexdigest() in str(refused.value)
    assert [p for p in (tmp_path / "cache").rglob("*") if p.is_file()] == []


def test_a_damaged_part_is_found_out_and_then_fetched_whole(file: Source, served: Served, tmp_path: Path) -> None:
    written(tmp_path / "cache" / f"{NAME}.part", b"x" * 1000)
    with pytest.raises(SourceError, match="SHA-256"):
        sources.fetch()
    (place,) = sources.fetch()
    assert place.read_bytes() == CONTENT


def test_the_mirror_comes_before_the_cache_and_the_network(file: Source, served: Served, tmp_path: Path) -> None:
    places = [written(tmp_path / folder / NAME, CONTENT) for folder in ("mirror", "cache")]
    assert sources.fetch() == sources.find("owner/repo", "folder/file.bin") == places[:1]
    assert served.requests == []


def test_a_damaged_file_in_the_mirror_is_named(file: Source, tmp_path: Path) -> None:
    place = written(tmp_path / "mirror" / NAME, CONTENT[:-1])
    with pytest.raises(SourceError, match=re.escape(str(place))):
        sources.fetch()
    assert place.exists()


def test_a_refusal_names_the_address(file: Source) -> None:
    absent = replace(file, path="absent.bin")
    with pytest.raises(SourceError, match=r"absent\.bin.*404.*SHOPLORA_MIRROR"):
        sources.fetch([absent])


def test_a_file_that_is_not_here_or_not_listed_is_named(file: Source) -> None:
    with pytest.raises(SourceError, match="run `shoplora fetch`, or point SHOPLORA_MIRROR"):
        sources.find("owner/repo", "folder/file.bin")
    with pytest.raises(SourceError, match=r"owner/repo: other\.csv is not listed"):
        sources.find("owner/repo", "other.csv")


def test_a_path_with_spaces_and_plus_signs_is_quoted_in_the_address_alone() -> None:
    source = Source("owner/repo", "abc123", "a folder/Cribs+Beds.json", 1, "0", "MIT")
    assert source.url.endswith("/owner/repo/abc123/a%20folder/Cribs%2BBeds.json")
    assert source.relative == Path("owner/repo/abc123/a folder/Cribs+Beds.json")


def test_the_list_itself_is_well_formed() -> None:
    listed = sources.sources()
    assert len({source.relative for source in listed}) == len(listed)
    for source in listed:
        assert re.fullmatch(r"[0-9a-f]{40}", source.commit)
        assert re.fullmatch(r"[0-9a-f]{64}", source.sha256)
        assert source.bytes > 0 and source.licence and ".." not in source.relative.parts


@pytest.mark.data
def test_every_listed_file_is_here_with_the_listed_checksum() -> None:
    assert len(sources.fetch()) == len(sources.sources())
