"""What every request goes through, in this order: an id and a log line, its outcome, limits of the body, hang-up.

Plain ASGI: `BaseHTTPMiddleware` would hide from the handlers that a client has left. Knows ASGI messages and which
paths are tasks, nothing of answers or the engine. `server.app` installs these.
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

from adapters.tasks import tasks
from server.http.problems import BODY_TOO_LARGE, INTERNAL_ERROR, REQUEST_TIMEOUT, UNSUPPORTED_MEDIA, Problem, respond
from server.metrics import CANCELLED
from server.service import Service

log = logging.getLogger("uvicorn.shoplora")

LEFT = 499  # as nginx logs a client that has left before the answer
MAX_PATH = 200  # characters of it that are logged
TASKS = "/v1/"  # the path of a task is this and its name
CLOSE = {"Connection": "close"}
_PLAIN_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class RequestId:
    """Takes the client's X-Request-ID if it is a plain one, else makes one, and sends it back.

    Logs the request after the response is sent. Uvicorn's own access log writes before the first byte, which cost a
    client with one request in flight 0.5 ms.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, status = time.perf_counter(), LEFT
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _PLAIN_ID.fullmatch(given) else uuid.uuid4().hex
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


class Outcomes:
    """Counts every request to a task once, when its response has ended, whichever way.

    It makes the request's record, which admission, answer and refusal fill in. The outcome "cancelled" means that
    the client left, or the server shut down, before the response was complete.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        task = path.removeprefix(TASKS)
        if scope["type"] != "http" or path != TASKS + task or task not in tasks():
            return await self.app(scope, receive, send)
        record = self.service.record(scope["state"]["request_id"], task)
        scope["state"]["record"] = record
        complete = left = False

        async def receive_watched() -> Message:
            nonlocal left
            message = await receive()
            left = left or (message["type"] == "http.disconnect" and not complete)
            return message

        async def send_watched(message: Message) -> None:
            nonlocal complete
            await send(message)
            complete = message["type"] == "http.response.body" and not message.get("more_body", False)

        try:
            await self.app(scope, receive_watched, send_watched)
        except Exception:
            complete, record.outcome = True, INTERNAL_ERROR.slug  # Starlette answers outside of this
            raise
        finally:
            if left or not complete:
                record.outcome = CANCELLED
            self.service.metrics.count(record)


class BodyLimits:
    """Refuses a body that is compressed, over the limit, or not complete in time.

    Args:
        max_bytes: refused by the declared length, or as soon as that much has come.
        timeout: seconds from the first read to the last byte.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, timeout: float) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        if (headers.get("content-encoding") or "identity").lower() != "identity":
            encoded = Problem(
                UNSUPPORTED_MEDIA, "Send the body without Content-Encoding.", headers={"Accept-Encoding": "identity"}
            )
            return await respond(scope, encoded)(scope, receive, send)
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self.max_bytes:
            return await respond(scope, self._too_large())(scope, receive, send)
        size, complete = 0, False
        deadline = asyncio.get_running_loop().time() + self.timeout

        async def receive_limited() -> Message:
            nonlocal size, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                detail = f"The limit is {self.timeout:g} seconds."
                raise Problem(REQUEST_TIMEOUT, detail, headers=CLOSE) from None
            size += len(message.get("body", b""))
            if size > self.max_bytes:
                raise self._too_large()
            complete = not message.get("more_body", False)
            return message

        await self.app(scope, receive_limited, send)

    def _too_large(self) -> Problem:
        return Problem(BODY_TOO_LARGE, f"The limit is {self.max_bytes} bytes.", headers=CLOSE)


class HangUp:
    """Cancels the handler when the client leaves before it has the whole response.

    Once the body is read, the connection has only one more message, that it ended; this alone listens for it.
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
