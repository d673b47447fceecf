"""Tests marked `data` are skipped, with the reason, where the public data sets are not at hand."""

import pytest

from training.public.sources import available


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("data")]
    if marked and not available():
        reason = "no public data sets: set SHOPLORA_MIRROR, or run `shoplora fetch`"
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))
