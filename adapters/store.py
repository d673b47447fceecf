"""Published versions on disk: immutable, content-addressed folders, and channels that point at them.

Handles layout, numbering, locking and digests; does not train or run an adapter. Training publishes into it, the server
reads the live versions, `shoplora adapters` lists versions and moves channels.

    versions/<task>/<variant or default>/<number>-<first 12 of the digest>/
        adapter_config.json  adapter_model.safetensors  manifest.json  README.md
    channels.json            {"classify": {"live": 1, "previous": "demo-2"}}

The versions that ship with the package are demo versions: `classify@demo-2` is shipped, `classify@2` is the shop's
own.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter, ValidationError

from adapters.adapter_folder import (
    CARD,
    CONFIG,
    MANIFEST,
    WEIGHTS,
    StoreError,
    check_files,
    digest_of,
    read_config,
    sync,
    write,
)
from adapters.fit import check_effect
from adapters.manifest import DEMO, DEMO_LABEL, NO_VARIANT, Draft, Manifest, parse_name
from adapters.settings import SHIPPED_STORE

__all__ = ["Store", "StoreError", "Version"]

LOCK_SECONDS = 30.0
_CHANNELS = "channels.json"

Label = PositiveInt | Annotated[str, Field(pattern=DEMO_LABEL)]  # what follows the @ of a name


@dataclass(frozen=True, slots=True)
class Version:
    """A published version, its folder, and whether it ships with the package."""

    manifest: Manifest
    folder: Path
    is_demo: bool = False

    @property
    def label(self) -> Label:
        """2 for an own version, `demo-2` for a demo version."""
        return f"{DEMO}{self.manifest.version}" if self.is_demo else self.manifest.version

    @property
    def name(self) -> str:
        """`classify@demo-1`, `copywrite/streetwear@2`."""
        return f"{self.manifest.channel}@{self.label}"


class _Channel(BaseModel):
    """A channel as `channels.json` has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    live: Label
    previous: Label | None = None


class _Names(NamedTuple):
    """Names that a channel's pointers may mean, best first; the first one that exists counts."""

    live: list[str]
    previous: list[str]


_Channels = TypeAdapter(dict[str, _Channel])


class Store:
    """One writable root over the read-only shipped versions.

    Every reading method raises StoreError for a damaged manifest or channel file, and for two versions of one name.
    """

    def __init__(self, root: Path, shipped: Path | None = SHIPPED_STORE) -> None:
        self.root = root.expanduser().resolve()
        self._shipped = shipped.resolve() if shipped else None
        self._roots = [root for root in dict.fromkeys([self._shipped, self.root]) if root]

    def versions(self, channel: str | None = None) -> list[Version]:
        """All versions, or a channel's: by channel, demo versions first, then by number."""
        versions = [version for version in self._by_name().values() if channel in (None, version.manifest.channel)]
        return sorted(versions, key=lambda v: (v.manifest.channel, not v.is_demo, v.manifest.version))

    def get(self, name: str) -> Version:
        """The version of that name.

        Raises:
            StoreError: there is no such version, or the name is malformed; the message lists the versions there are.
        """
        try:
            parse_name(name)
        except ValueError as error:
            raise StoreError(str(error)) from None
        names = {version.name: version for version in self.versions()}
        if name not in names:
            raise StoreError(f"there is no {name}; there is {', '.join(names) or 'none at all'}")
        return names[name]

    def live(self) -> dict[str, Version]:
        """The version that each channel points at; the root's channels override the shipped ones.

        A channel that points at a demo version is left out if the task ships none or demo versions are off.

        Raises:
            StoreError: a channel points at an own version that is not there.
        """
        channels = self._channels()  # before the versions: a version may be published between both reads
        versions = self._by_name()
        live = {}
        for channel, names in sorted(channels.items()):
            if version := _first(names.live, versions):
                live[channel] = version
            elif f"@{DEMO}" not in names.live[0]:
                raise StoreError(f"channel {channel} points at {names.live[0]}, which is not there")
        return live

    def publish(self, staged: Path, draft: Draft, card: str, activate: bool = True) -> Version:
        """Copies the adapter that PEFT saved in `staged` into a new version; `card` becomes its README.md.

        Rank, alpha and modules are read from the adapter's own configuration.

        Raises:
            StoreError: a file is missing or does not belong, the engine cannot serve the adapter, or it has no effect.
                Nothing is published then.
        """
        check_files(staged, required={CONFIG, WEIGHTS}, allowed={CARD})
        config = read_config(staged / CONFIG)
        check_effect(staged)
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
            version = Version(manifest, target, self.root == self._shipped)
            if activate:
                self._point(version)
        return version

    def activate(self, name: str) -> None:
        """Points the version's channel at it, in one atomic write.

        Raises:
            StoreError: there is no such version.
        """
        with self._lock():
            self._point(self.get(name))

    def rollback(self, channel: str) -> Version:
        """Points the channel at the version that was live before. A second rollback has nothing to go back to.

        Raises:
            StoreError: there is no such channel, or no version was live before.
        """
        with self._lock():
            channels, versions = self._channels(), self._by_name()
            if channel not in channels:
                known = ", ".join(sorted(channels)) or "none at all"
                raise StoreError(f"there is no channel {channel!r}; there is {known}")
            live, previous = (_first(names, versions) for names in channels[channel])
            if previous is None or previous == live:
                raise StoreError(f"channel {channel} has no earlier version to go back to")
            self._save(channel, _Channel(live=previous.label))
        return previous

    def verify(self, name: str) -> None:
        """Compares the version's files with their digest.

        Raises:
            StoreError: a file is missing, does not belong, or is not what was published.
        """
        version = self.get(name)
        check_files(version.folder, required={CONFIG, WEIGHTS, MANIFEST}, allowed={CARD})
        if (digest := digest_of(version.folder)) != version.manifest.digest:
            raise StoreError(
                f"{name} is damaged: digest {digest[:12]}, published as "
                f"{version.manifest.digest[:12]} in {version.folder}"
            )

    def _number(self, draft: Draft, config: dict[str, Any], digest: str) -> Manifest:
        manifests = [version.manifest for version in self._read_versions(self.root)]
        taken = [manifest.version for manifest in manifests if manifest.channel == draft.channel]
        if pointers := _read_channels(self.root).get(draft.channel):
            # Earlier releases wrote a demo version as a bare number, which no own version may take over.
            taken += [label for label in (pointers.live, pointers.previous) if isinstance(label, int)]
        return Manifest(
            **{name: getattr(draft, name) for name in Draft.model_fields},
            version=max(taken, default=0) + 1,
            digest=digest,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            rank=config["r"],
            alpha=config["lora_alpha"],
            modules=sorted(config["target_modules"]),
        )

    def _by_name(self) -> dict[str, Version]:
        versions: dict[str, Version] = {}
        for root in self._roots:
            for version in self._read_versions(root):
                other = versions.setdefault(version.name, version)
                if other is not version:
                    raise StoreError(f"{version.name} is used twice: {other.folder} and {version.folder}")
        return versions

    def _read_versions(self, root: Path) -> Iterator[Version]:
        for path in root.glob(f"versions/*/*/*/{MANIFEST}"):
            try:
                manifest = Manifest.model_validate_json(path.read_bytes())
            except ValidationError as error:
                raise StoreError(f"{path} is damaged: {_first_error(error)}") from error
            if (place := _place(manifest)) != path.parent.relative_to(root):
                raise StoreError(f"{path} belongs in {place}")
            yield Version(manifest, path.parent, is_demo=root == self._shipped)

    def _channels(self) -> dict[str, _Names]:
        """The names that each channel's pointers may mean.

        A bare number is an own version, or a demo version in a file of an earlier release. Where a demo version is no
        longer shipped, the shipped channel's live version takes its place. A bare number above that one's was never a
        demo version: it is an own version that is lost.
        """
        channels: dict[str, _Names] = {}
        for root in self._roots:
            for channel, pointers in _read_channels(root).items():
                shipped = channels[channel].live[0] if channel in channels else None
                labels = (pointers.live, pointers.previous)
                channels[channel] = _Names(*(self._names(root, channel, label, shipped) for label in labels))
        return channels

    def _names(self, root: Path, channel: str, label: Label | None, shipped: str | None) -> list[str]:
        """`shipped` is the name of the shipped channel's live version."""
        if label is None:
            return []
        number = int(str(label).removeprefix(DEMO))
        names = [f"{channel}@{DEMO}{number}"]
        is_bare = isinstance(label, int) and root != self._shipped
        if is_bare:
            names.insert(0, f"{channel}@{number}")
        if shipped and (not is_bare or number < int(shipped.rpartition(DEMO)[2])):
            names.append(shipped)
        return names

    def _point(self, version: Version) -> None:
        names = self._channels().get(version.manifest.channel)
        live = _first(names.live, self._by_name()) if names else None
        if live != version:
            channel = _Channel(live=version.label, previous=live.label if live else None)
            self._save(version.manifest.channel, channel)

    def _save(self, name: str, channel: _Channel) -> None:
        channels = _read_channels(self.root) | {name: channel}
        temporary = self.root / f".{_CHANNELS}"
        write(temporary, _Channels.dump_json(channels, indent=2).decode() + "\n")
        os.replace(temporary, self.root / _CHANNELS)
        sync(self.root)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One writer at a time, in this process and in others."""
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.root / ".lock", timeout=LOCK_SECONDS):
                yield
        except Timeout:
            raise StoreError(
                f"another process is publishing into {self.root} and did not finish in {LOCK_SECONDS:g} s: try again"
            ) from None


def _place(manifest: Manifest) -> Path:
    folder = f"{manifest.version}-{manifest.digest[:12]}"
    return Path("versions", manifest.task, manifest.variant or NO_VARIANT, folder)


def _first(names: list[str], versions: dict[str, Version]) -> Version | None:
    return next((versions[name] for name in names if name in versions), None)


def _read_channels(root: Path) -> dict[str, _Channel]:
    path = root / _CHANNELS
    try:
        return _Channels.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise StoreError(f"{path} is damaged: {_first_error(error)}") from error


def _first_error(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
