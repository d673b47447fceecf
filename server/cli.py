"""`shoplora serve`: from options to a running server. Called by `shoplora`; imports nothing heavy at the top."""

import os
import sys
from typing import Annotated

import typer

from adapters.preload import ensure_preloaded

# Training uses these; transformers imports them wherever they are installed, and the server never needs them.
LEFT_OUT = ("pandas", "scipy", "sklearn")
# Seconds: longer than load balancers and clients keep an idle connection (60 is common), or they send a request into
# one that is just being closed.
KEEP_ALIVE = 75
# Seconds for requests in flight: longer than a body may take to arrive, so that each gets an answer; containers are
# commonly killed after 30, and the engine takes some of them to end.
SHUTDOWN = 20


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    base: Annotated[
        str | None,
        typer.Option(help="Base model: a folder or a name on the Hugging Face hub, in place of SmolLM2-135M-Instruct."),
    ] = None,
    log_level: Annotated[str, typer.Option(help="critical, error, warning, info or debug.")] = "info",
) -> None:
    """Serve every task over HTTP. Every other setting is an environment variable SHOPLORA_*."""
    ensure_preloaded()
    if base:
        os.environ["SHOPLORA_BASE"] = base
    _check_settings()
    for name in LEFT_OUT:
        sys.modules[name] = None  # type: ignore[assignment]  # as if not installed

    import uvicorn

    uvicorn.run(
        "server.app:create_app",
        factory=True,
        host=host,
        port=port,
        log_level=log_level,
        access_log=False,  # `server.http.middleware` writes one
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=SHUTDOWN,
    )


def _check_settings() -> None:
    """Ends the command with one line if an environment variable is out of range."""
    from pydantic import ValidationError

    from server.settings import Settings

    try:
        Settings()
    except ValidationError as error:
        faults = (f"SHOPLORA_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors())
        typer.secho(f"cannot start: {'; '.join(faults)}", fg="red", err=True)
        raise typer.Exit(1) from None
