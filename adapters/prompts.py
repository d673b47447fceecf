"""Chat messages to token ids: the one place where the base's chat template is applied.

Called by the engine, the trainer and the evaluation, so that the same messages give the same tokens everywhere.
The template is tokenized around the messages' texts. So `<|im_start|>` in a text is read as plain characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from adapters.errors import ShopLoraError

Message = dict[str, str]  # {"role": "system" | "user" | "assistant", "content": ...}
# For a base that was never taught to chat, such as GPT-2: an adapter learns this layout as any other.
PLAIN = "{% for message in messages %}{{ message['content'] + '\n' }}{% endfor %}"
# Llama 3's template would write today's date, Qwen 3's would begin with a thought.
FIXED = {"date_string": "26 Jul 2024", "enable_thinking": False}
_PLACE = re.compile("\ufdd0(\\d+)\ufdd1")  # of a message's text; Unicode gives these characters to nobody


class TemplateError(ShopLoraError):
    """The base's chat template or tokenizer cannot be used."""


def token_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """The tokens of a prompt, up to the place where the answer begins.

    Where the template takes no system message (Gemma), its text stands before that of the first user message.

    Raises:
        TemplateError: the template has no place for one of the messages.
    """
    ids: list[int] = []
    for part in _layout(tokenizer, _template(tokenizer), tuple(message["role"] for message in messages)):
        ids += text_ids(tokenizer, messages[part]["content"]) if isinstance(part, int) else part
    return ids


def text_ids(tokenizer: Any, text: str) -> list[int]:
    """The tokens of a text, none of which is a special or other added token of several characters."""
    tokens = _added_tokens(tokenizer)
    cuts = [match.start() + 1 for match in tokens.finditer(text)] if tokens else []
    ids: list[int] = []
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        ids += tokenizer(text[start:end], add_special_tokens=False)["input_ids"]
    return ids


def end_token(tokenizer: Any) -> int:
    """The token that ends an answer line.

    Raises:
        TemplateError: the tokenizer has none.
    """
    if tokenizer.eos_token_id is None:
        raise TemplateError(
            f"the tokenizer of {tokenizer.name_or_path} has no end token: set eos_token in its tokenizer_config.json"
        )
    return int(tokenizer.eos_token_id)


def _template(tokenizer: Any) -> str:
    if not tokenizer.chat_template:
        return PLAIN
    try:
        return str(tokenizer.get_chat_template())
    except ValueError as error:  # several, none of them called `default`
        raise TemplateError(f"the tokenizer of {tokenizer.name_or_path}: {str(error).splitlines()[0]}") from error


@lru_cache(maxsize=64)
def _layout(tokenizer: Any, template: str, roles: tuple[str, ...]) -> list[list[int] | int]:
    """The tokens of the template, and between them the number of the message whose text goes there."""
    from jinja2 import TemplateError as Refused

    places = [f"\ufdd0{number}\ufdd1" for number in range(len(roles))]
    messages = [{"role": role, "content": place} for role, place in zip(roles, places, strict=True)]
    attempts = [messages]
    if roles[:2] == ("system", "user"):
        attempts.append([{"role": "user", "content": f"{places[0]}\n\n{places[1]}"}, *messages[2:]])
    reason = "it leaves a message out or repeats it"
    for attempt in attempts:
        try:
            text = tokenizer.apply_chat_template(
                attempt, chat_template=template, add_generation_prompt=True, tokenize=False, **FIXED
            )
        except Refused as error:
            reason = str(error)
            continue
        parts = _PLACE.split(text)  # text of the template and numbers in turn
        if parts[1::2] == [str(number) for number in range(len(roles))]:
            numbers: list[list[int] | int] = [int(number) for number in parts[1::2]]
            pieces = [tokenizer(piece, add_special_tokens=False)["input_ids"] if piece else [] for piece in parts[::2]]
            return [part for pair in zip(pieces, [*numbers, []], strict=True) for part in pair]
    raise TemplateError(
        f"the chat template of {tokenizer.name_or_path} takes no messages of {', '.join(roles)}: {reason}"
    )


@lru_cache(maxsize=8)
def _added_tokens(tokenizer: Any) -> re.Pattern[str] | None:
    """Matches before each added token, such as `<|im_start|>`; white space that is a token stays one."""
    tokens = [token.content for token in tokenizer.added_tokens_decoder.values() if token.content.strip()]
    if not tokens:
        return None
    first = "".join(sorted({re.escape(token[0]) for token in tokens}))  # quickly passed over elsewhere
    return re.compile(f"(?=[{first}])(?={'|'.join(map(re.escape, tokens))})")
