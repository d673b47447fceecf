"""Whether a grammar admits a line, by the engine's own library."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def _compiled(ebnf: str) -> Any:
    import xgrammar  # takes seconds

    vocabulary = [bytes([byte]) for byte in range(256)] + [b"</s>"]
    tokens = xgrammar.TokenizerInfo(vocabulary, vocab_type=xgrammar.VocabType.RAW, stop_token_ids=[256])
    compiler = xgrammar.GrammarCompiler(tokens, max_threads=1, cache_enabled=False)
    return compiler.compile_grammar(xgrammar.Grammar.from_ebnf(ebnf))


def admits(ebnf: str, line: str) -> bool:
    import xgrammar

    matcher = xgrammar.GrammarMatcher(_compiled(ebnf), terminate_without_stop_token=True)
    return (not line or matcher.accept_string(line)) and matcher.is_terminated()
