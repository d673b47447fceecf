"""Chat messages to token ids: the one place where the base's chat template is applied.

Called by the engine, the trainer and the evaluation, so that the same messages give the same tokens everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.errors import ShopLoraError

Message = dict[str, str]  # {"role": "system" | "user" | "assistant", "content": ...}


class TemplateError(ShopLoraError):
    """The base's tokenizer has no chat template."""


def token_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """The tokens of a prompt, up to the place where the answer begins.

    Raises:
        TemplateError: the tokenizer has no chat template.
    """
    if not tokenizer.chat_template:
        raise TemplateError(f"the tokenizer of {tokenizer.name_or_path} has no chat template: choose an instruct model")
    text = tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, tokenize=False)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids
