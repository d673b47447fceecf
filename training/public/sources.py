"""The public data sets: where each file is, and how it is downloaded.

Knows repository, commit, path, size and SHA-256 of every file (`sources.json`). A file is read from a local mirror
(`SHOPLORA_MIRROR`) with the layout `<owner>/<repo>/<commit>/<path>`, else from the cache (`SHOPLORA_CACHE`), which
`fetch` fills from GitHub's raw-file service. The contents are read by `training.public.readers`.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

import httpx
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from adapters.errors import ShopLoraError
from adapters.settings import user_cache

RAW_FILES = "https://raw.githubusercontent.com"
CHUNK = 1 << 16


class SourceError(ShopLoraError):
    """A file is missing or cannot be downloaded, or its contents are not the listed ones."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a public repository at one commit: `bytes` long, with `sha256` as its digest."""

    repository: str
    commit: str
    path: str
    bytes: int
    sha256: str
    licence: str

    @property
    def relative(self) -> Path:
        return Path(self.repository, self.commit, self.path)

    @property
    def url(self) -> str:
        return f"{RAW_FILES}/{self.repository}/{self.commit}/{quote(self.path)}"


@cache
def sources() -> tuple[Source, ...]:
    """Every file that the project can use, as listed in `sources.json`."""
    listed = json.loads(Path(__file__).with_name("sources.json").read_text(encoding="utf-8"))
    return tuple(Source(**entry) for entry in listed)


def cache_folder() -> Path:
    """`SHOPLORA_CACHE`, else `data` in the user's cache."""
    return Path(os.environ.get("SHOPLORA_CACHE") or user_cache() / "data")


def mirror_folder() -> Path | None:
    """`SHOPLORA_MIRROR`, else a folder `shared/data` beside the checkout, else None."""
    if configured := os.environ.get("SHOPLORA_MIRROR"):
        return Path(configured)
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return beside if beside.is_dir() else None


def find(repository: str, path: str) -> list[Path]:
    """The local copies of a file, one for each listed commit, in the order of `sources.json`.

    Raises:
        SourceError: the file is not listed, or is neither in the mirror nor in the cache.
    """
    listed = [s for s in sources() if s.repository == repository and s.path == path]
    if not listed:
        raise SourceError(f"{repository}: {path} is not listed in sources.json")
    paths = []
    for source in listed:
        if (local := _local_path(source)) is None:
            raise SourceError(
                f"{repository}: {path} is not here: run `shoplora fetch`, or point SHOPLORA_MIRROR at a mirror"
            )
        paths.append(local)
    return paths


def available() -> bool:
    """Whether every listed file is in the mirror or the cache."""
    return all(_local_path(source) is not None for source in sources())


def fetch(requested: Iterable[Source] | None = None) -> list[Path]:
    """Download the files that are not in the mirror or the cache yet; resumes an earlier download.

    `requested`: all listed files if not given.

    Raises:
        SourceError: a download fails, or a file's SHA-256 is not the listed one.
    """
    requested = sources() if requested is None else tuple(requested)
    paths = []
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns) as progress:
        task = progress.add_task("data", total=sum(s.bytes for s in requested))
        for source in requested:
            progress.update(task, description=source.path.rsplit("/", 1)[-1])
            path = _local_path(source)
            if path is None:
                path = cache_folder() / source.relative
                _download(source, path, lambda n: progress.advance(task, n))
            else:
                progress.advance(task, source.bytes)
            _verify(source, path)
            paths.append(path)
    return paths


def _local_path(source: Source) -> Path | None:
    folders = filter(None, (mirror_folder(), cache_folder()))
    return next((folder / source.relative for folder in folders if (folder / source.relative).is_file()), None)


def _download(source: Source, path: Path, advance: Callable[[int], None]) -> None:
    """Write `path` through `path.part`; continues an earlier download that stopped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    size = part.stat().st_size if part.exists() else 0
    if size > source.bytes:
        part.unlink()
        size = 0
    if size == source.bytes:  # it was complete but not yet verified: a request for more bytes would fail
        advance(size)
        return _finish(source, part, path)
    # A range counts encoded bytes, so there must be no encoding.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={size}-"} if size else {})}
    try:
        with httpx.stream("GET", source.url, headers=headers, timeout=30) as response:
            response.raise_for_status()
            resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
            advance(size if resumed else 0)
            with part.open("ab" if resumed else "wb") as file:
                for chunk in response.iter_bytes(CHUNK):
                    file.write(chunk)
                    advance(len(chunk))
    except httpx.HTTPError as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise SourceError(
            f"{source.url}: {reason}. Run the command again to resume, or point SHOPLORA_MIRROR "
            "at a folder that holds <owner>/<repo>/<commit>/<path>"
        ) from error
    _finish(source, part, path)


def _finish(source: Source, part: Path, path: Path) -> None:
    """Rename a complete download if it is the listed file; else delete it."""
    try:
        _verify(source, part)
    except SourceError:
        part.unlink()
        raise
    part.replace(path)


def _verify(source: Source, path: Path) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != source.sha256:
        raise SourceError(
            f"{path}: SHA-256 is {digest}, {source.sha256} was expected: the file is damaged or "
            "was changed; delete it and run `shoplora fetch` again"
        )
