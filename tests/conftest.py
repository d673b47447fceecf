"""Which tests run first, and that tests marked `data` are skipped, with the reason, without the public data sets."""

import pytest

from training.public.sources import available


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # These fork the engine core from this process, which Numba forbids once its OpenMP loops have run in it.
    items.sort(key=lambda item: not item.path.name.endswith("_e2e.py"))
    marked = [item for item in items if item.get_closest_marker("data")]
    if marked and not available():
        reason = "no public data sets: set SHOPLORA_MIRROR, or run `shoplora fetch`"
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))
