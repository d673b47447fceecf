"""The public data sets: where each file lies, and how it gets here.

Knows repository, commit, path, size and SHA-256 of every file (`sources.json`). A file is read from
a local mirror (`SHOPLORA_MIRROR`) that has the layout `<owner>/<repo>/<commit>/<path>`, else from
the cache (`SHOPLORA_CACHE`), else downloaded from GitHub's raw-file service. Knows nothing of what
is inside a file: `training.public.readers` reads them.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

RAW_FILES = "https://raw.githubusercontent.com"
CHUNK = 1 << 16


class SourceError(RuntimeError):
    """A file cannot be had, or is not the file that was named."""


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
        return f"{RAW_FILES}/{self.repository}/{self.commit}/{self.path}"


@cache
def sources() -> tuple[Source, ...]:
    """Every file that the project can use, as listed in `sources.json`."""
    listed = json.loads(Path(__file__).with_name("sources.json").read_text(encoding="utf-8"))
    return tuple(Source(**entry) for entry in listed)


def cache_folder() -> Path:
    """`SHOPLORA_CACHE`, else `~/.cache/shoplora/data`."""
    return Path(os.environ.get("SHOPLORA_CACHE", Path.home() / ".cache/shoplora/data"))


def mirror_folder() -> Path | None:
    """`SHOPLORA_MIRROR`, else a folder `shared/data` beside the checkout, else None."""
    configured = os.environ.get("SHOPLORA_MIRROR")
    if configured:
        return Path(configured)
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return beside if beside.is_dir() else None


def find(repository: str, path: str) -> list[Path]:
    """The local copies of a file, one a commit, in the order of `sources.json`.

    Raises:
        SourceError: the file is not listed, or is neither in the mirror nor in the cache.
    """
    listed = [s for s in sources() if s.repository == repository and s.path == path]
    if not listed:
        raise SourceError(f"{repository}: {path} is not listed in sources.json")
    return [_local(source) for source in listed]


def available() -> bool:
    """Whether every listed file is here already."""
    return all(_place(source) is not None for source in sources())


def fetch(wanted: Iterable[Source] | None = None) -> list[Path]:
    """Bring files into the cache (those in the mirror stay there), with progress; resumes.

    Raises:
        SourceError: a download fails, or a file's SHA-256 is not the listed one.
    """
    wanted = sources() if wanted is None else tuple(wanted)
    places = []
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns) as progress:
        task = progress.add_task("data", total=sum(s.bytes for s in wanted))
        for source in wanted:
            progress.update(task, description=source.path.rsplit("/", 1)[-1])
            place = _place(source)
            if place is None:
                place = cache_folder() / source.relative
                _download(source, place, lambda n: progress.advance(task, n))
            else:
                progress.advance(task, source.bytes)
            _verify(source, place)
            places.append(place)
    return places


def _place(source: Source) -> Path | None:
    for folder in (mirror_folder(), cache_folder()):
        if folder is not None and (folder / source.relative).is_file():
            return folder / source.relative
    return None


def _local(source: Source) -> Path:
    place = _place(source)
    if place is None:
        raise SourceError(
            f"{source.repository}: {source.path} is not here: run `shoplora fetch`, "
            "or point SHOPLORA_MIRROR at a mirror"
        )
    return place


def _download(source: Source, place: Path, advance: Callable[[int], None]) -> None:
    """Write `place` through `place.part`, going on where an earlier download stopped."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(place.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    if have > source.bytes:
        part.unlink()
        have = 0
    if have == source.bytes:  # it ended just before the check: to ask for more would be an error
        advance(have)
        return _settle(source, part, place)
    # A range counts the bytes that are sent, so they must be the file's own.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        with httpx.stream("GET", source.url, headers=headers, timeout=30) as response:
            response.raise_for_status()
            resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
            advance(have if resumed else 0)
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
    _settle(source, part, place)


def _settle(source: Source, part: Path, place: Path) -> None:
    """Give a download its name if it is the listed file; else delete it."""
    try:
        _verify(source, part)
    except SourceError:
        part.unlink()
        raise
    part.replace(place)


def _verify(source: Source, place: Path) -> None:
    found = hashlib.sha256(place.read_bytes()).hexdigest()
    if found != source.sha256:
        raise SourceError(
            f"{place}: SHA-256 is {found}, {source.sha256} was expected: the file is damaged or "
            "was changed; delete it and run `shoplora fetch` again"
        )
