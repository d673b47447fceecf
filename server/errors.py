"""Why a request is refused and why the server does not start, without any HTTP.

    ShopLoraError
    ├── StartError          the server cannot start
    └── Refusal             a request gets no answer
        ├── NotReady        the engine is loading
        ├── NoAdapter       no adapter is live for the task
        ├── UnknownVariant  no adapter is live for the variant that the request names
        ├── TextTooLong     prompt and answer exceed the context
        ├── EngineFailed    the engine failed or has ended
        └── Undecodable     no output of the model is an answer

Raised by `server.service`, `server.answering` and `server.engine`; `server.http.problems` maps refusals to HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.errors import ShopLoraError


class StartError(ShopLoraError):
    """The server cannot start; the message is one line for the operator."""


class Refusal(ShopLoraError):
    """A request gets no answer; the message is one sentence for the client and repeats nothing that it sent."""


class NotReady(Refusal): ...


class NoAdapter(Refusal): ...


class UnknownVariant(Refusal):
    """
    Args:
        field: the request's field that names the variant.
        known: the variants that have a live adapter.
    """

    def __init__(self, field: str, known: Sequence[str]) -> None:
        super().__init__("No adapter of that name is live.")
        self.field = field
        self.known = known


class TextTooLong(Refusal): ...


class EngineFailed(Refusal): ...


class Undecodable(Refusal): ...
