"""The cleaning that imported rows, public data and requests share."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from adapters.cleaning import plain
from adapters.tasks import tasks
from adapters.tasks.contract import limit

PIECES = st.sampled_from(
    "&amp;|&lt;b&gt;|<br />|{{x}}|caf\u00c3\u00a9|\x00|\u2028|\ufeff|\u200b|\uff21|<$5|<|>|{|a|\ud800".split("|")
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cafÃ© crÃ¨me", "café crème"),
        ("itâ€™s", "it\u2019s"),
        ("A &amp; B", "A & B"),
        ("A &amp;amp; B", "A & B"),
        ("<p>soft<br>shirt</p>", "soft shirt"),
        ("red\x00shirt\t\n xl", "red shirt xl"),
        ("日本のシャツ", "日本のシャツ"),
        ("\uff22\uff4c\uff55\uff45\u3000\uff53\uff48\uff49\uff52\uff54", "Blue shirt"),
        ("bl\u200bue sh\u00adirt \u202eabc\u202c", "blue shirt abc"),
        ("The zip broke.<br />Straps are thin.", "The zip broke. Straps are thin."),
        ("Tom &amp;amp; Jerry &lt;3", "Tom & Jerry <3"),
        ("Levi&#39;s a {{brand}} shirt", "Levi's a shirt"),
        ("desk <$50, 3 < 4 and >$20", "desk <$50, 3 < 4 and >$20"),
        ("&nbsp;<br>", ""),
        ("  two \n lines\t", "two lines"),
    ],
)
def test_plain(text: str, expected: str) -> None:
    assert plain(text) == expected


@settings(deadline=None)  # ftfy is imported on the way
@given(st.text(max_size=40) | st.lists(PIECES, max_size=8).map("".join))
def test_clean_text_is_one_line_that_stays_the_same(text: str) -> None:
    cleaned = plain(text)
    assert cleaned == " ".join(cleaned.split())
    assert plain(cleaned) == cleaned


@pytest.mark.parametrize("name", sorted(tasks()))
def test_every_text_of_a_request_is_cleaned(name: str) -> None:
    task = tasks()[name]

    def dirty(value: Any) -> Any:
        if isinstance(value, str):
            return f" {value}&nbsp;<br />"
        if isinstance(value, list):
            return [dirty(item) for item in value]
        return {key: dirty(item) for key, item in value.items()} if isinstance(value, dict) else value

    texts = {key: value for key, value in task.example.items() if key not in ("contract", "payment", "voice")}
    request = task.request.model_validate(task.example | dirty(texts))
    assert request == task.request.model_validate(task.example)


def test_the_limit_counts_the_cleaned_characters() -> None:
    field = TypeAdapter(Annotated[str, limit(5)])
    assert field.validate_python("<b>&amp;amp; it</b>") == "& it"
    assert field.json_schema() == {"type": "string", "minLength": 1, "maxLength": 5}
    for text in ("<b> </b>", "\x1f", "sixsix", 5):
        with pytest.raises(ValidationError):
            field.validate_python(text)
