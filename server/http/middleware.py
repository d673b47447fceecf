"""What every request goes through, as plain ASGI: an id, a log line, a limit, an eye on the client.

Knows ASGI messages, nothing of tasks or the engine. `BaseHTTPMiddleware` would hide from the
handlers that a client has left. `server.app` installs these.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http.problems import BodyTooLarge, response

log = logging.getLogger("uvicorn.shoplora")

LEFT = 499  # as nginx logs a client that has left before the answer
MAX_PATH = 200  # characters of it that are logged
_SANE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class RequestId:
    """Takes the client's X-Request-ID if it is a sane one, else makes one, and sends it back.

    Logs the request when all is sent. Uvicorn's own access log does it before the first byte, and a
    client at one request in flight waited 0.5 ms for that.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, status = time.perf_counter(), LEFT
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _SANE.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            status = 500  # which Starlette answers outside of this
            raise
        finally:
            log.info(
                '%s "%s %s" %d %.1f ms %s',
                (scope.get("client") or "-")[0],
                scope["method"],
                quote(scope["path"])[:MAX_PATH],
                status,
                1000 * (time.perf_counter() - began),
                request_id,
            )


class BodyLimit:
    """Refuses a body over the limit by its declared length, or as soon as it has come that far."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self.limit:
            refusal = response(self._problem(), scope["state"]["request_id"])
            return await refusal(scope, receive, send)
        got = 0

        async def receive_limited() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > self.limit:
                raise self._problem()
            return message

        await self.app(scope, receive_limited, send)

    def _problem(self) -> BodyTooLarge:
        return BodyTooLarge(f"The limit is {self.limit} bytes.", headers={"Connection": "close"})


class HangUp:
    """Cancels the handler when the client leaves before it has the whole response.

    Once the body is read, the connection's only news is that it ended; this alone listens for it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        handler = asyncio.current_task()
        assert handler is not None
        gone = asyncio.Event()
        watcher: asyncio.Task[None] | None = None
        done = False

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.set()
            if not done:
                handler.cancel()

        async def receive_once() -> Message:
            nonlocal watcher
            if watcher is not None:
                await gone.wait()
                return {"type": "http.disconnect"}
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                watcher = asyncio.create_task(watch())
            return message

        async def send_watched(message: Message) -> None:
            nonlocal done
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                done = True
            await send(message)

        try:
            await self.app(scope, receive_once, send_watched)
        except asyncio.CancelledError:
            if not gone.is_set():
                raise
            handler.uncancel()
        finally:
            if watcher is not None:
                watcher.cancel()
