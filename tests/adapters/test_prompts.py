"""Chat messages to tokens: the template's markers are the template's alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from adapters.ontology import Ontology
from adapters.prompts import TemplateError, end_token, text_ids, token_ids
from adapters.settings import SHIPPED_ONTOLOGY
from tests.tiny import make_tokenizer

# Gemma's way (Gemma Team 2025), with its refusal of system messages.
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>model\n{% endif %}"
)
SILENT = "{% for m in messages if m['role'] != 'system' %}{{ m['content'] }}\n{% endfor %}"
MESSAGES = [{"role": "system", "content": "Classify."}, {"role": "user", "content": "blue shirt"}]
MARKERS = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer(Ontology.load(SHIPPED_ONTOLOGY))


@pytest.fixture
def with_template(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    def change(template: str | None) -> Any:
        monkeypatch.setattr(tokenizer, "chat_template", template)
        return tokenizer

    return change


def text_of(tokenizer: Any, ids: list[int]) -> str:
    return str(tokenizer.decode(ids, skip_special_tokens=False))


def test_a_prompt_is_the_template_with_the_texts_in_it(tokenizer: Any) -> None:
    whole = tokenizer.apply_chat_template(MESSAGES, add_generation_prompt=True, tokenize=False)
    assert token_ids(tokenizer, MESSAGES) == tokenizer(whole, add_special_tokens=False)["input_ids"]


@given(
    texts=st.lists(
        st.lists(st.sampled_from([*MARKERS, "<|im_", "|>", "<", "user\n", "blue shirt", " ", "é"])).map("".join),
        min_size=2,
        max_size=2,
    )
)
def test_markers_in_a_text_are_plain_characters(tokenizer: Any, texts: list[str]) -> None:
    markers = {tokenizer.convert_tokens_to_ids(marker) for marker in MARKERS}
    for text in texts:
        ids = text_ids(tokenizer, text)
        assert not markers & {*ids}
        assert text_of(tokenizer, ids) == text
    messages = [{**message, "content": text} for message, text in zip(MESSAGES, texts, strict=True)]
    empty = token_ids(tokenizer, [{**message, "content": ""} for message in MESSAGES])
    ids = token_ids(tokenizer, messages)
    assert [i for i in ids if i in markers] == [i for i in empty if i in markers]


@pytest.mark.parametrize("template", [NO_SYSTEM, SILENT])
def test_where_no_system_message_is_taken_its_text_comes_before_the_users(with_template: Any, template: str) -> None:
    tokenizer = with_template(template)
    text = text_of(tokenizer, token_ids(tokenizer, MESSAGES))
    assert "Classify.\n\nblue shirt" in text
    assert "system" not in text


def test_a_template_may_trim_the_texts_but_not_the_prompt(with_template: Any) -> None:
    tokenizer = with_template(NO_SYSTEM)
    ids = token_ids(tokenizer, [{"role": "user", "content": " blue "}])
    assert text_of(tokenizer, ids) == "<|im_start|>user\n blue <|im_end|>\n<|im_start|>model\n"


def test_without_a_template_each_text_is_a_line(with_template: Any) -> None:
    tokenizer = with_template(None)
    assert text_of(tokenizer, token_ids(tokenizer, MESSAGES)) == "Classify.\nblue shirt\n"


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ raise_exception('only tools here') }}", "only tools here"),
        ("{{ messages[-1]['content'] * 2 }}", "it leaves a message out or repeats it"),
        ("{% for m in messages %}{{ m.content }", "unexpected"),
    ],
)
def test_a_template_that_cannot_be_used_is_one_line(with_template: Any, template: str, reason: str) -> None:
    tokenizer = with_template(template)
    with pytest.raises(TemplateError, match=f"(?s)takes no messages of system, user: .*{reason}"):
        token_ids(tokenizer, MESSAGES)


def test_a_prompt_is_the_same_on_every_day(with_template: Any) -> None:
    """Llama 3's template writes the date unless it is given."""
    template = (
        "{% if date_string is not defined %}{% set date_string = strftime_now('%d') %}{% endif %}{{ date_string }}"
    )
    tokenizer = with_template(template + "{% for m in messages %}{{ m['content'] }}{% endfor %}")
    assert text_of(tokenizer, token_ids(tokenizer, MESSAGES)).startswith("26 Jul 2024")


def test_a_tokenizer_without_an_end_token_is_refused(tokenizer: Any) -> None:
    assert end_token(tokenizer) == tokenizer.convert_tokens_to_ids("<|im_end|>")
    without = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer)
    with pytest.raises(TemplateError, match="has no end token: set eos_token"):
        end_token(without)
