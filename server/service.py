"""All that lives as long as the server: ontology, base, live versions, engine, metrics, and their start.

Knows in which order they start and why a start can fail; nothing of HTTP. The lifespan in `server.app` runs it, the
dependencies in `server.http.dependencies` pass it to the routes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from pathlib import Path

from adapters.base import BaseDigest, base_digest, base_folder
from adapters.errors import ShopLoraError
from adapters.fit import check_fit
from adapters.ontology import Ontology
from adapters.settings import SHIPPED_STORE
from adapters.store import Store, Version
from adapters.tasks import tasks
from server.answering import Answering
from server.engine.context import needed_context
from server.engine.generation import Model
from server.errors import EngineFailed, NotReady, StartError
from server.metrics import Metrics, Record
from server.settings import Settings

log = logging.getLogger("uvicorn.shoplora")


class Service:
    def __init__(self, settings: Settings, engine: Model) -> None:
        self.settings = settings
        self.engine = engine
        self.metrics = Metrics()
        self.versions: dict[str, Version] = {}  # the live ones that are served, by channel
        self.base_digest: BaseDigest | None = None
        self.answering: Answering | None = None  # set once the server is ready

    async def start(self) -> None:
        """Returns when every live adapter can answer.

        Raises:
            ShopLoraError: the operator can mend it; the message is one line.
            Exception: the engine failed.
        """
        began = time.perf_counter()
        ontology = Ontology.load(self.settings.ontology)
        base = await asyncio.to_thread(self._read, ontology)  # all of the base, or a download of it
        if self.unserved:
            log.warning("no adapter for %s: these answer 503", ", ".join(self.unserved))
        folders = {version.name: version.folder for version in self.live}
        await self.engine.start(base, folders, needed_context({version.manifest.task for version in self.live}))
        answering = Answering(self.engine, ontology, self.versions, self.metrics)
        for version in self.live:
            self.metrics.announce(version.manifest.task, version.name)
        await asyncio.gather(*(answering.warm(tasks()[v.manifest.task], v) for v in self.live))
        self.answering = answering
        names = ", ".join(version.name for version in self.live)
        log.info("ready with %s after %.1f s", names, time.perf_counter() - began)

    def ready(self) -> Answering:
        """What answers requests.

        Raises:
            EngineFailed: the engine has ended.
            NotReady: it is still loading.
        """
        self.check_alive()
        if self.answering is None:
            raise NotReady("The engine is loading; GET /ready answers 200 when it has loaded.")
        return self.answering

    def check_alive(self) -> None:
        """Raises EngineFailed when the engine has ended."""
        if self.engine.errored:
            raise EngineFailed("The engine has ended; the server must be started again.")

    def record(self, request_id: str, task: str) -> Record:
        """A request that has just arrived; until it names another adapter, it counts for the task's own."""
        version = self.versions.get(task)
        return Record(request_id, task, version.name if version else "none")

    @property
    def unserved(self) -> list[str]:
        """The tasks that answer 503 because no adapter of theirs is live."""
        return sorted(tasks().keys() - self.versions.keys())

    @property
    def live(self) -> Iterable[Version]:
        return self.versions.values()

    def _read(self, ontology: Ontology) -> Path:
        """Reads base and store from the disk and sets the versions to serve; the base's folder."""
        base = base_folder(self.settings.base)
        digest = self.base_digest = base_digest(base)
        shipped = SHIPPED_STORE if self.settings.demo_adapters else None
        live = Store(self.settings.store, shipped).live()
        self.versions = {
            channel: version for channel, version in live.items() if self._is_servable(version, digest, ontology)
        }
        if not self.versions:
            raise StartError(
                f"no live adapter in {self.settings.store} fits the base {self.settings.base}: "
                "train one with `shoplora train`, see `shoplora adapters list`"
            )
        for version in self.live:
            try:
                check_fit(version.folder, base)
            except ShopLoraError as error:
                raise StartError(
                    f"{version.name} cannot be served: {error}; make another version live with "
                    "`shoplora adapters activate` or `shoplora adapters rollback`"
                ) from error
        return base

    def _is_servable(self, version: Version, base: BaseDigest, ontology: Ontology) -> bool:
        """Whether there is a task for the version and it was trained on this base; if not, the log says why."""
        manifest = version.manifest
        task = tasks().get(manifest.task)
        if task is None or (manifest.variant and task.variant_field is None):
            log.warning("%s is left out: no task serves %s", version.name, manifest.channel)
            return False
        if part := manifest.base_digest.difference(base):
            log.warning(
                "%s is left out: it was trained on another base than %s (different %s)",
                version.name,
                self.settings.base,
                part,
            )
            return False
        if not manifest.calibration.is_current:
            log.warning("%s is left out: its confidence is of an earlier release: train it again", version.name)
            return False
        if manifest.ontology_digest != ontology.digest:
            log.warning("%s was trained with another ontology", version.name)
        return True
