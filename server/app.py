"""The application: settings, one lifespan, routes, problems and middleware put together.

Knows how the parts fit together, and what happens when the start fails. `shoplora serve` runs `create_app`.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

from fastapi import FastAPI

from adapters.errors import ShopLoraError
from server.engine.engine import Engine
from server.engine.generation import Model
from server.engine.preload import preload_status
from server.http import problems
from server.http.middleware import BodyLimits, HangUp, Outcomes, RequestId
from server.http.routes import operations, task_routes
from server.service import Service
from server.settings import Settings

log = logging.getLogger("uvicorn.shoplora")


def exit_at_once() -> None:
    """Ends the process: a server that cannot start has nothing to finish."""
    logging.shutdown()
    os._exit(1)


def create_app(
    settings: Settings | None = None, engine: Model | None = None, give_up: Callable[[], None] = exit_at_once
) -> FastAPI:
    """The server; `give_up` is called when it cannot start."""
    settings = settings or Settings()
    service = Service(settings, engine or Engine(settings))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        log.info("; ".join(preload_status()))
        starting = asyncio.create_task(_start(service, give_up))  # /health answers meanwhile
        yield
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await starting
        service.answering = None
        await service.engine.close()

    app = FastAPI(
        title="ShopLoRA",
        version=version("shoplora"),
        summary="A shop's language jobs, each a small LoRA adapter on one base model.",
        lifespan=lifespan,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.service = service
    app.include_router(task_routes())
    app.include_router(operations)
    problems.install(app)
    app.add_middleware(HangUp)
    app.add_middleware(BodyLimits, max_bytes=settings.max_body_bytes, timeout=settings.body_timeout)
    app.add_middleware(Outcomes, service=service)
    app.add_middleware(RequestId)  # the last one added is the first one entered
    return app


async def _start(service: Service, give_up: Callable[[], None]) -> None:
    try:
        return await service.start()
    except ShopLoraError as error:
        log.error("cannot start: %s", error)
    except Exception:
        log.exception("cannot start: the engine failed")
    await service.engine.close()
    give_up()
