"""Rows of a SQL query, by SQLAlchemy. Called by `cli`, which reads them like the files of `reading`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from training.data.reading import BATCH, Bad, ReadingError, Row, Source, counted, row_of


def open_query(query: str, address: str) -> Source:
    """The rows of a SQL query, fetched in batches; nothing is ever committed.

    Raises:
        ReadingError: the address is not valid, its driver is not installed, or the query fails.
    """
    import sqlalchemy
    from sqlalchemy.exc import SQLAlchemyError

    stack = ExitStack()
    try:
        url = sqlalchemy.make_url(address)
        engine = sqlalchemy.create_engine(url)
        stack.callback(engine.dispose)
        connection = stack.enter_context(engine.connect())
        connection = connection.execution_options(stream_results=True, yield_per=BATCH)
        result = connection.exec_driver_sql(query)
        columns = tuple(result.keys())
    except (SQLAlchemyError, ImportError) as error:
        stack.close()
        raise ReadingError(f"the query failed: {str(error).splitlines()[0]}") from error

    def rows() -> Iterator[Row | Bad]:
        try:
            for i, cells in enumerate(result.mappings(), 1):
                yield row_of(i, dict(cells))
        except SQLAlchemyError as error:
            raise ReadingError(f"the query broke off: {str(error).splitlines()[0]}") from error

    source = counted(f"{url.get_backend_name()}:{url.database or url.host}", rows(), None)
    source.columns, source.close = columns, stack.close
    return source
