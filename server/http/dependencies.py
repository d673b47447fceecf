"""What a route can ask for, by name.

Knows where the app keeps things; the routes do not. All are coroutines: FastAPI would run
plain functions in threads, at some 0.15 ms each and three a request.
"""

from typing import Annotated

from fastapi import Depends, Request

from server.answering import Answering
from server.http.problems import EngineFailed, NotReady
from server.service import Service


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]


async def _answering(service: ServiceDep) -> Answering:
    if service.engine.errored:
        raise EngineFailed("The engine has ended; the server must be started again.")
    if service.answering is None:
        raise NotReady("The engine is loading; /ready tells when it is done.")
    return service.answering


AnsweringDep = Annotated[Answering, Depends(_answering)]


async def _request_id(request: Request) -> str:
    request_id: str = request.state.request_id
    return request_id


RequestIdDep = Annotated[str, Depends(_request_id)]
