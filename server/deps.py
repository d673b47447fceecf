"""What a route can ask for, by name.

Knows where the app keeps things; the routes do not.
"""

from typing import Annotated

from fastapi import Depends, Request

from server.answering import Answering
from server.errors import EngineFailed, NotReady
from server.service import Service


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]


def _answering(service: ServiceDep) -> Answering:
    if service.engine.errored:
        raise EngineFailed("The engine has ended; the server must be started again.")
    if service.answering is None:
        raise NotReady("The engine is loading; /ready tells when it is done.")
    return service.answering


AnsweringDep = Annotated[Answering, Depends(_answering)]


def _request_id(request: Request) -> str:
    request_id: str = request.state.request_id
    return request_id


RequestIdDep = Annotated[str, Depends(_request_id)]
