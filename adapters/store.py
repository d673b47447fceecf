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

from adapters.adapter_folder import CARD, CONFIG, MANIFEST, WEIGHTS, StoreError, check_files, digest_of, read_config
from adapters.fit import check_weights
from adapters.manifest import DEMO, DEMO_LABEL, NO_VARIANT, Draft, Manifest
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


class _Pointers(NamedTuple):
    """A channel's label of the live version, and its versions; None for one that does not exist."""

    label: Label
    live: Version | None
    previous: Version | None


_Channels = TypeAdapter(dict[str, _Channel])


class Store:
    """One writable root over the read-only shipped versions.

    Every reading method raises StoreError for a damaged manifest or channel file, and for two versions of one name.
    """

    def __init__(self, root: Path, shipped: Path | None = SHIPPED_STORE) -> None:
        self.root = root.expanduser().resolve()
        self._shipped = shipped.resolve() if shipped else None
        self._roots = [root for root in dict.fromkeys([self._shipped, self.root]) if root]

    def versions(self) -> list[Version]:
        """All versions: by channel, demo versions first, then by number."""
        return sorted(
            (version for root in self._roots for version in self._read_versions(root).values()),
            key=lambda v: (v.manifest.channel, not v.is_demo, v.manifest.version),
        )

    def get(self, name: str) -> Version:
        """The version of that name.

        Raises:
            StoreError: there is no such version; the message lists the versions there are.
        """
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
        live = {}
        for channel, pointers in sorted(self._channels().items()):
            if pointers.live:
                live[channel] = pointers.live
            elif isinstance(pointers.label, int):
                raise StoreError(f"channel {channel} points at {channel}@{pointers.label}, which is not there")
        return live

    def publish(self, staged: Path, draft: Draft, card: str, activate: bool = True) -> Version:
        """Copies the adapter that PEFT saved in `staged` into a new version; `card` becomes its README.md.

        Rank, alpha and modules are read from the adapter's own configuration.

        Raises:
            StoreError: a file is missing or does not belong, the engine cannot serve the adapter, a weight is no
                number, or it has no effect. Nothing is published then.
        """
        check_files(staged, required={CONFIG, WEIGHTS}, allowed={CARD})
        config = read_config(staged / CONFIG)
        check_weights(staged)
        with self._lock(), TemporaryDirectory(prefix=".publish-", dir=self.root) as temporary:
            folder = Path(temporary) / "version"
            folder.mkdir()
            _write(folder / CONFIG, json.dumps(config, indent=2, sort_keys=True) + "\n")
            shutil.copyfile(staged / WEIGHTS, folder / WEIGHTS)
            _sync(folder / WEIGHTS)
            _write(folder / CARD, card)
            manifest = self._number(draft, config, digest_of(folder))
            _write(folder / MANIFEST, manifest.model_dump_json(indent=2) + "\n")
            _sync(folder)
            target = self.root / _place(manifest)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder, target)
            _sync(target.parent)
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
            channels = self._channels()
            if channel not in channels:
                known = ", ".join(sorted(channels)) or "none at all"
                raise StoreError(f"there is no channel {channel!r}; there is {known}")
            _, live, previous = channels[channel]
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
        manifests = [version.manifest for version in self._read_versions(self.root).values()]
        taken = [manifest.version for manifest in manifests if manifest.channel == draft.channel]
        if pointers := _read_channels(self.root).get(draft.channel):
            # Earlier releases wrote a demo version as a bare number, which no own version may take over.
            taken += [label for label in (pointers.live, pointers.previous) if isinstance(label, int)]
        return Manifest(
            **dict(draft),
            version=max(taken, default=0) + 1,
            digest=digest,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            rank=config["r"],
            alpha=config["lora_alpha"],
            modules=sorted(config["target_modules"]),
        )

    def _read_versions(self, root: Path) -> dict[str, Version]:
        versions: dict[str, Version] = {}
        for path in root.glob(f"versions/*/*/*/{MANIFEST}"):
            try:
                manifest = Manifest.model_validate_json(path.read_bytes())
            except ValidationError as error:
                raise StoreError(f"{path} is damaged: {_first_error(error)}") from error
            if (place := _place(manifest)) != path.parent.relative_to(root):
                raise StoreError(f"{path} belongs in {place}")
            version = Version(manifest, path.parent, is_demo=root == self._shipped)
            other = versions.setdefault(version.name, version)
            if other is not version:
                raise StoreError(f"{version.name} is used twice: {other.folder} and {version.folder}")
        return versions

    def _channels(self) -> dict[str, _Pointers]:
        """Where each channel points; the root's channels override the shipped ones.

        A bare number is an own version, or a demo version in a file of an earlier release. Where a demo version is no
        longer shipped, the shipped channel's live version takes its place. A bare number above that one's was never a
        demo version: it is an own version that is lost.
        """
        channels: dict[str, _Pointers] = {}
        versions: dict[str, Version] = {}
        for root in self._roots:
            written = _read_channels(root)  # before the versions: one may be published between both reads
            versions |= self._read_versions(root)
            for name, channel in written.items():
                shipped_live = channels[name].live if name in channels else None
                live, previous = (
                    versions.get(f"{name}@{label}")
                    or versions.get(f"{name}@{DEMO}{label}")
                    or (shipped_live if _may_be_retired(label, shipped_live) else None)
                    if label
                    else None
                    for label in (channel.live, channel.previous)
                )
                channels[name] = _Pointers(channel.live, live, previous)
        return channels

    def _point(self, version: Version) -> None:
        pointers = self._channels().get(version.manifest.channel)
        live = pointers.live if pointers else None
        if live != version:
            channel = _Channel(live=version.label, previous=live.label if live else None)
            self._save(version.manifest.channel, channel)

    def _save(self, name: str, channel: _Channel) -> None:
        channels = _read_channels(self.root) | {name: channel}
        temporary = self.root / f".{_CHANNELS}"
        _write(temporary, _Channels.dump_json(channels, indent=2).decode() + "\n")
        os.replace(temporary, self.root / _CHANNELS)
        _sync(self.root)

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


def _may_be_retired(label: Label, shipped_live: Version | None) -> bool:
    """Whether a demo version may have had the label before it was replaced by the one that is live now."""
    return isinstance(label, str) or (shipped_live is not None and label < shipped_live.manifest.version)


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


def _write(path: Path, text: str) -> None:
    """Writes a text file and flushes it to the disk."""
    path.write_text(text, encoding="utf-8")
    _sync(path)


def _sync(path: Path) -> None:
    """Flushes a file or a folder to the disk, so that a power cut cannot undo it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
