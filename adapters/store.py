"""Versions on disk: immutable, content-addressed folders, and channels that point at them.

Knows layout, numbering, locking and digests; nothing of how an adapter is trained or run. Training
publishes into it, the server reads what is live, `shoplora adapters` shows and moves channels.

    versions/<task>/<variant or default>/<version>-<first 12 of the digest>/
        adapter_config.json  adapter_model.safetensors  manifest.json  README.md
    channels.json            {"classify": {"live": 2, "previous": 1}}
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel, ConfigDict, PositiveInt, TypeAdapter, ValidationError

from adapters.adapter_folder import (
    CARD,
    CONFIG,
    MANIFEST,
    WEIGHTS,
    StoreError,
    base_digest,
    check_files,
    digest_of,
    read_config,
    sync,
    write,
)
from adapters.manifest import NO_VARIANT, Draft, Manifest, parse_name

__all__ = ["SHIPPED", "Store", "StoreError", "Version", "base_digest", "default_base", "default_root"]

SHIPPED = Path(__file__).parent / "shipped"

_CHANNELS = "channels.json"


@dataclass(frozen=True, slots=True)
class Version:
    """A published version and where it lies."""

    manifest: Manifest
    folder: Path

    @property
    def name(self) -> str:
        """`classify@1`, `copywrite/streetwear@2`."""
        return self.manifest.name


class _Channel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    live: PositiveInt
    previous: PositiveInt | None = None


_Channels = TypeAdapter(dict[str, _Channel])


def default_root() -> Path:
    """`SHOPLORA_STORE`, else `.shoplora/store` in the current folder."""
    return Path(os.environ.get("SHOPLORA_STORE") or ".shoplora/store")


def default_base() -> Path:
    """The demo base that ships with the project."""
    return SHIPPED / "base"


class Store:
    """One writable root over the read-only shipped versions.

    Every reading method raises StoreError for a damaged manifest or channel file, and for two
    different versions under one name or id.
    """

    def __init__(self, root: Path, shipped: Path | None = SHIPPED) -> None:
        self.root = root.expanduser().resolve()
        below = [shipped.resolve()] if shipped else []
        self._roots = [self.root, *(path for path in below if path != self.root)]

    def versions(self, channel: str | None = None) -> list[Version]:
        """All versions, or a channel's, by channel and number."""
        found: dict[str | int, Version] = {}
        for version in chain.from_iterable(map(_read_versions, self._roots)):
            for key in (version.name, version.manifest.id):
                other = found.setdefault(key, version)
                if other.manifest != version.manifest:
                    what = f"the id {key}" if isinstance(key, int) else key
                    raise StoreError(f"{what} is used twice: {other.folder} and {version.folder}")
        kept = [found[key] for key in found if isinstance(key, int)]
        return sorted(
            (version for version in kept if channel in (None, version.manifest.channel)),
            key=lambda version: (version.manifest.channel, version.manifest.version),
        )

    def get(self, name: str) -> Version:
        """The version of that name.

        Raises:
            StoreError: no such version, or not a name at all; says what there is.
        """
        try:
            parse_name(name)
        except ValueError as error:
            raise StoreError(str(error)) from None
        known = {version.name: version for version in self.versions()}
        if name not in known:
            raise StoreError(f"there is no {name}; there is {', '.join(known) or 'none at all'}")
        return known[name]

    def live(self) -> dict[str, Version]:
        """The version that each channel points at; the root's word goes before the shipped one.

        Raises:
            StoreError: a channel points at a version that is not there.
        """
        known = {version.name: version for version in self.versions()}
        named = {channel: f"{channel}@{at.live}" for channel, at in self._channels().items()}
        for channel, name in named.items():
            if name not in known:
                raise StoreError(f"channel {channel} points at {name}, which is not there")
        return {channel: known[name] for channel, name in sorted(named.items())}

    def publish(self, staged: Path, draft: Draft, card: str, activate: bool = True) -> Version:
        """Copies what PEFT saved in `staged` into a new version; `card` becomes its README.md.

        Rank, alpha and modules are read from the adapter's own configuration.

        Raises:
            StoreError: a file that is missing or does not belong, or an adapter the engine cannot
                serve. Nothing is published then.
        """
        check_files(staged, required={CONFIG, WEIGHTS}, allowed={CARD})
        config = read_config(staged / CONFIG)
        with self._lock(), TemporaryDirectory(prefix=".publish-", dir=self.root) as temporary:
            folder = Path(temporary) / "version"
            folder.mkdir()
            write(folder / CONFIG, json.dumps(config, indent=2, sort_keys=True) + "\n")
            shutil.copyfile(staged / WEIGHTS, folder / WEIGHTS)
            sync(folder / WEIGHTS)
            write(folder / CARD, card)
            manifest = self._number(draft, config, digest_of(folder))
            write(folder / MANIFEST, manifest.model_dump_json(indent=2) + "\n")
            sync(folder)
            target = self.root / _place(manifest)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder, target)
            sync(target.parent)
            version = Version(manifest, target)
            if activate:
                self._point(version)
        return version

    def activate(self, name: str) -> None:
        """Points the version's channel at it, in one atomic write.

        Raises:
            StoreError: no such version.
        """
        with self._lock():
            self._point(self.get(name))

    def rollback(self, channel: str) -> Version:
        """Points the channel at what was live before; what it leaves must be activated by name.

        Raises:
            StoreError: no such channel, or nothing was live before.
        """
        with self._lock():
            channels = self._channels()
            if channel not in channels:
                known = ", ".join(sorted(channels)) or "none at all"
                raise StoreError(f"there is no channel {channel!r}; there is {known}")
            previous = channels[channel].previous
            if previous is None:
                raise StoreError(f"channel {channel} has no earlier version to go back to")
            version = self.get(f"{channel}@{previous}")
            self._save(channel, _Channel(live=previous))
        return version

    def verify(self, name: str) -> None:
        """Reads the version's files again.

        Raises:
            StoreError: a file is missing, does not belong, or is not what was published.
        """
        version = self.get(name)
        check_files(version.folder, required={CONFIG, WEIGHTS, MANIFEST}, allowed={CARD})
        if (found := digest_of(version.folder)) != version.manifest.digest:
            raise StoreError(
                f"{name} is damaged: digest {found[:12]}, published as "
                f"{version.manifest.digest[:12]} in {version.folder}"
            )

    def _number(self, draft: Draft, config: dict[str, Any], digest: str) -> Manifest:
        manifests = [version.manifest for version in self.versions()]
        mine = (m.version for m in manifests if m.channel == draft.channel)
        return Manifest(
            **{name: getattr(draft, name) for name in Draft.model_fields},
            version=max(mine, default=0) + 1,
            id=max((m.id for m in manifests), default=0) + 1,
            digest=digest,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            rank=config["r"],
            alpha=config["lora_alpha"],
            modules=sorted(config["target_modules"]),
        )

    def _channels(self) -> dict[str, _Channel]:
        return {channel: at for root in reversed(self._roots) for channel, at in _read_channels(root).items()}

    def _point(self, version: Version) -> None:
        channel, number = version.manifest.channel, version.manifest.version
        now = self._channels().get(channel)
        if now is None or now.live != number:
            self._save(channel, _Channel(live=number, previous=now.live if now else None))

    def _save(self, channel: str, at: _Channel) -> None:
        channels = _read_channels(self.root) | {channel: at}
        temporary = self.root / f".{_CHANNELS}"
        write(temporary, _Channels.dump_json(channels, indent=2).decode() + "\n")
        os.replace(temporary, self.root / _CHANNELS)
        sync(self.root)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One writer at a time, in this process and in others."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)  # closing is not enough where a fork holds it too


def _place(manifest: Manifest) -> Path:
    leaf = f"{manifest.version}-{manifest.digest[:12]}"
    return Path("versions", manifest.task, manifest.variant or NO_VARIANT, leaf)


def _read_versions(root: Path) -> Iterator[Version]:
    for path in root.glob(f"versions/*/*/*/{MANIFEST}"):
        try:
            manifest = Manifest.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise StoreError(f"{path} is damaged: {_first(error)}") from error
        if (place := _place(manifest)) != path.parent.relative_to(root):
            raise StoreError(f"{path} belongs in {place}")
        yield Version(manifest, path.parent)


def _read_channels(root: Path) -> dict[str, _Channel]:
    path = root / _CHANNELS
    try:
        return _Channels.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        raise StoreError(f"{path} is damaged: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
