"""`shoplora serve`: from options to a running server. Called by `shoplora`; heavy imports wait."""

import os
from typing import Annotated

import typer

from server.preload import ensure_preloaded


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    base: Annotated[
        str | None,
        typer.Option(
            help="Base model: a folder or a name that vLLM can load; the demo base if not given."
        ),
    ] = None,
    log_level: Annotated[
        str, typer.Option(help="critical, error, warning, info or debug.")
    ] = "info",
) -> None:
    """Serve every task over HTTP. Every other setting is an environment variable SHOPLORA_*."""
    ensure_preloaded()
    if base:
        os.environ["SHOPLORA_BASE"] = base

    import uvicorn

    uvicorn.run("server.app:create_app", factory=True, host=host, port=port, log_level=log_level)
