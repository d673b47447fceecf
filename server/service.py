"""All that lives as long as the server: ontology, live versions, engine, metrics, and their start.

Knows in which order they start and why a start can fail; nothing of HTTP. The lifespan in
`server.app` runs it, the dependencies in `server.http.dependencies` hand it to the routes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from pathlib import Path

from adapters.ontology import Ontology
from adapters.store import SHIPPED, Store, Version, base_digest
from adapters.tasks import tasks
from server.answering import Answering
from server.engine.generation import Model
from server.metrics import Metrics
from server.settings import Settings

log = logging.getLogger("uvicorn.shoplora")


class StartError(Exception):
    """Why the server cannot start, for the operator."""


class Service:
    def __init__(self, settings: Settings, engine: Model) -> None:
        self.settings = settings
        self.engine = engine
        self.metrics = Metrics()
        self.versions: dict[str, Version] = {}
        self.base_digest: str | None = None
        self.answering: Answering | None = None  # there is one when the server is ready

    async def start(self) -> None:
        """Returns when every live adapter can answer.

        Raises:
            Exception: OntologyError, StoreError, StartError, or what the engine says.
        """
        began = time.perf_counter()
        ontology = Ontology.load(self.settings.ontology)
        self.base_digest = _digest(self.settings.base)
        shipped = SHIPPED if self.settings.demo_adapters else None
        self.versions = self._fitting(Store(self.settings.store, shipped).live(), ontology)
        if self.unserved:
            log.warning("no adapter for %s: these answer 503", ", ".join(self.unserved))
        await self.engine.start(list(self.versions.values()))
        answering = Answering(self.engine, ontology, self.versions, self.metrics)
        for version in self.live:
            self.metrics.announce(version.manifest.task, version.name)
        await asyncio.gather(*(answering.warm(tasks()[v.manifest.task], v) for v in self.live))
        self.answering = answering
        names = ", ".join(version.name for version in self.versions.values())
        log.info("ready with %s after %.1f s", names, time.perf_counter() - began)

    def _fitting(self, live: dict[str, Version], ontology: Ontology) -> dict[str, Version]:
        """The live versions that were trained on this base, by channel."""
        fitting = {}
        for channel, version in live.items():
            manifest = version.manifest
            task = tasks().get(manifest.task)
            if task is None or (manifest.variant and task.variant_field is None):
                log.warning("%s is left out: no task serves %s", version.name, channel)
            elif self.base_digest and manifest.base_digest != self.base_digest:
                log.warning("%s is left out: it was trained on another base", version.name)
            else:
                if manifest.ontology_digest != ontology.digest:
                    log.warning("%s was trained with another ontology", version.name)
                fitting[channel] = version
        if not fitting:
            raise StartError(
                f"no live adapter in {self.settings.store} fits the base {self.settings.base}: "
                "train one with `shoplora train`, see `shoplora adapters list`"
            )
        return fitting

    @property
    def unserved(self) -> list[str]:
        """The tasks that answer 503 because no adapter of theirs is live."""
        return sorted(tasks().keys() - self.versions.keys())

    @property
    def live(self) -> Iterable[Version]:
        return self.versions.values()

    def count_refused(self, task: str, outcome: str) -> None:
        """A request of a task that was refused before it was looked at."""
        version = self.versions.get(task)
        self.metrics.refused(task, version.name if version else "none", outcome)


def _digest(base: str) -> str | None:
    """The digest of a base on disk; that of a model hub's is not known before it is loaded."""
    folder = Path(base)
    if folder.is_dir():
        return base_digest(folder)
    if folder.is_absolute() or base.startswith((".", "~")):
        raise StartError(f"there is no base model in {base}")
    return None
