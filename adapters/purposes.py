"""Whether a phrase in a review says what the goods are for: "great for small apartments", not "I live in one".

Knows grammar words only; the phrases are the ontology's. Called by `adapters.ontology`.
"""

from __future__ import annotations

from collections.abc import Sequence

REACH = 4  # words between the word of purpose and the phrase, at most
_FOR = frozenset("for as while when during whenever".split())
_NOT_FOR = frozenset("not never isnt wasnt arent dont doesnt wouldnt nothing except no".split())
_NOT_PURPOSE = frozenset("except thank thanks sorry search searched looked looking waited waiting".split())
_PLACES = frozenset("in on at around with to inside through".split())
_POSSESSIVES = frozenset("my our your his her their the a an".split())
_ARTICLES, _MAKING = frozenset(["a", "an"]), frozenset("make makes made".split())
# In a place where people live or bought something nothing is used.
_STAYS = frozenset(
    "live lives lived living reside bought buy purchased ordered grew stayed staying born found saw seen sold work "
    "moved from store shop arrived".split()
)
_GIVING = frozenset("bought buy buying got get getting gave give ordered purchased gifted made".split())
_USING = frozenset(
    "love loves loved like likes liked enjoy enjoys enjoyed use uses used using wear wears wore play plays played "
    "playing sleep sleeps slept eat eats adore adores want wants chew chews carry carries need needs prefer prefers "
    "approve approves go goes".split()
)
_USES = frozenset("use uses used using wear wears wore worn wearing".split())
_AFTER = frozenset("use friendly trip session wear need project purpose task job".split())


def is_purpose(folded: Sequence[str], start: int, end: int) -> bool:
    """Whether the words from `start` to before `end` of a clause of folded words are a purpose or a user."""
    before, after = folded[max(0, start - REACH) : start], folded[end : end + 2]
    marker = next((i for i in range(start - 1, max(-1, start - 1 - REACH), -1) if folded[i] in _FOR), None)
    if folded[start] in _FOR:
        marker = start
    if marker is not None:
        leading = folded[max(0, marker - 3) : marker]
        is_denied = not _NOT_FOR.isdisjoint(leading) and not {"only", "just"} & set(leading)
        return not is_denied and _NOT_PURPOSE.isdisjoint(leading)
    if folded[start] in (*_PLACES, "have") and end - start > 1:  # `on the go` is a phrase of its own
        return True
    if not _USES.isdisjoint(before[-3:]) or (not _MAKING.isdisjoint(before) and not _ARTICLES.isdisjoint(before)):
        return True
    nearest = before[-2:] if before[-1:] and before[-1] in _POSSESSIVES else before[-1:]
    if nearest and nearest[0] in _PLACES:
        return _STAYS.isdisjoint(folded[max(0, start - 6) : start])
    if after and after[0] in _AFTER:
        return True
    if not before:
        return bool(after) and not _USING.isdisjoint(after)
    is_given = any(word in _GIVING for word in before) and before[-1] in _POSSESSIVES
    return is_given or (before[-1] in _POSSESSIVES and not _USING.isdisjoint(after))


def states_purpose(folded: Sequence[str]) -> bool:
    """Whether folded words say at all what something is for."""
    return not {"for", "while", "during"}.isdisjoint(folded)
