"""What a route can ask for, by type.

Knows where the app keeps things; the routes do not. All are coroutines: FastAPI would run plain functions in
threads, at some 0.15 ms each.
"""

from typing import Annotated

from fastapi import Depends, Request

from server.answering import Answering
from server.metrics import Record
from server.service import Service


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]


async def _answering(service: ServiceDep) -> Answering:
    return service.ready()


AnsweringDep = Annotated[Answering, Depends(_answering)]


async def _record(request: Request) -> Record:
    record: Record = request.state.record
    return record


RecordDep = Annotated[Record, Depends(_record)]
