"""The constructions by which `adapters.sentiment` reads a review, the first that applies at a word counts.

A rule is a sign and a pattern of words. In a pattern `a|b` is one of these words; a name in capitals is a class of
words (`adapters.sentiment_words`); `*3` are at most three words that do not judge, `.3` at most three of no class;
`?` marks what may be absent and `$` the end of a clause.
"""

from __future__ import annotations

import re

from adapters.sentiment_words import key

_WORD = r"[^\s/|]+"
_TAGS = {
    "PRAISE": "P|SJ|CJG?",
    "BLAME": "B|SK",
    "NO": "N",
    "MORE": "CJ?G",
    "COMPARATIVE": "C[JK]?G?",
    "MEASURE": "S[JK]?",
    "FUNCTION": "F",
    "HARM": "H",
    "RELIEF": "R",
    "OKAY": "O",
    "PLAIN": "X",
    "WORD": "X|F",
    "ADJECTIVE": "P|S[JK]?|F|X",
}
_GAPS = {"*": "X|F|M|S[JK]?|CG?|R|T|U|O|H", ".": "X|M"}
_PHRASES = {
    "COULD_NOT": ("couldnt|cant|cannot", "could|can not|never", "nothing|nobody could|can"),
    "NEVER": ("never|hasnt|havent|hadnt", "has|have|had not"),
    "DOES_NOT": ("doesnt|dont|wont", "do|does|will not"),
    "TOO": ("too|overly|excessively|way_too|unreasonably|ridiculously",),
    "LIVED": (
        "be|been|felt|feel|looked|slept|tasted|worked|run|owned|had|seen|used|tried|worn|eaten|met|smelled|bought",
    ),
    "EXPECTED": (
        "expected|expecting|thought|hoped|anticipated|imagined|advertised|pictured|described|stated|shown|ordered|look"
        "|says|picture|photo|photograph|description|listing|listed",
    ),
    "VERB": (
        "work|works|worked|fit|fits|fitted|clean|cleans|hold|holds|run|runs|look|looks|smell|smells|taste|tastes|feel",
    ),
    "IF": ("if|had|without",),
}
BY_NEGATION = 2  # the sign of what is negated, inverted

RULES: tuple[tuple[int, str], ...] = (
    # nothing could be better, or worse
    (1, "NO know how i|we .1 managed|lived|survived|did|got|live"),
    (1, "COULD_NOT *4 MORE better?"),
    (1, "COULD_NOT *4 more PRAISE"),
    (-1, "COULD_NOT *3 worse"),
    (-1, "COULD_NOT *3 more BLAME"),
    (1, "NEVER *2 LIVED *3 MORE"),
    (1, "NEVER *2 LIVED *2 so|such|more *1 PRAISE"),
    (-1, "NEVER *2 LIVED *1 so|such *1 BLAME|MEASURE|PLAIN"),
    (-1, "NEVER *2 LIVED *2 worse"),
    (1, "DOES_NOT get|come any|much MORE"),
    (1, "nothing better|nicer|easier"),
    (1, "doubt *4 find *1 MORE"),
    (1, "COULD_NOT *2 PRAISE *2 enough"),
    (1, "COULD_NOT say|think enough *2 PRAISE"),
    (1, "NO .1 use|buy|wear|drink|try|want *1 other|else"),
    (
        1,
        "regret|complaint *3 not|didnt buying|buy|getting|get|ordering|order *3 "
        "sooner|earlier|two|more|another|before|second|three",
    ),
    # wishes, and what could be better
    (1, "wish|wished *3 bought|ordered|discovered|purchased|found|got|known *3 sooner|earlier|before|more|two|ago"),
    (-1, "wish|wished|wishing"),
    (-1, "if only"),
    (-1, "could|should|might|need|must|ought *5 COMPARATIVE"),
    (-1, "could use *1 a|some|more|better"),
    (-1, "would be|have been? *2 PRAISE|COMPARATIVE *2 IF"),
    (-1, "would be|have been? *1 COMPARATIVE|nice|preferred|liked|appreciated"),
    (-1, "expected|expecting|hoped|hoping *2 COMPARATIVE"),
    (-1, "had higher|high|big|great hope|expectation"),
    (-1, "NO *2 what *2 EXPECTED"),
    (-1, "had|seen|tasted|used|owned better"),
    (-1, "rather WORD *4 than"),
    (-1, "used_to be|work? *1 PRAISE"),
    # more or less than expected
    (1, "MORE *1 than *3 EXPECTED"),
    (-1, "COMPARATIVE|less PRAISE? *1 than *3 EXPECTED"),
    (-1, "NO *2 as|so ADJECTIVE as"),
    # enough and too much
    (-1, "NO *3 ADJECTIVE enough"),
    (-1, "NO .2 enough"),
    (1, "PRAISE|MEASURE enough"),
    (1, "NO .2 TOO BLAME|MEASURE"),
    (-1, "NO .2 TOO PRAISE"),
    (1, "TOO good|cute|cool|awesome $"),
    (-1, "TOO JUDGED"),
    (-1, "run|runs|ran|running|fit|fits|fitted .2 MEASURE"),
    # what stops a problem, and what invites one
    (1, "RELIEF .2 BLAME|back_pain|knee_pain|neck_pain|joint_pain|stain"),
    (-1, "easy|easily|quick|quickly|prone|likely to? BLAME"),
    (1, "BLAME free|proof|resistant"),
    (-1, "stopped|quit|ceased WORD"),
    # what goods do and leave
    (
        1,
        "keep|keeps|kept|stay|stays|stayed .4 "
        "hot|cold|warm|cool|dry|fresh|put|in_place|sharp|up|together|clean|quiet|safe|busy|entertained",
    ),
    (-1, "leave|leaves|left .2 film|mark|stain|residue|streak|mess|hole|scratch|ring|aftertaste|gap|dust|lint"),
    (1, "VERB .1 PRAISE"),
    (-1, "VERB .1 BLAME"),
    # negation
    (0, "neither MEASURE nor MEASURE"),
    (BY_NEGATION, "NO *4 PRAISE|BLAME|HARM|COMPARATIVE"),
    (-1, "NO .3 FUNCTION"),
    (-1, "refuses_to|refused_to|refuse_to|failed_to|fails_to|fail_to|unable_to"),
    (-1, "but|though not WORD .2 WORD $"),
    (1, "PRAISE"),
    (-1, "BLAME"),
    (0, "OKAY"),
)
# After `too`: an adjective, which any word may be but these.
_AFTER_TOO = "with|for|and|the|i|it|my|to|in|on|as|of|at|if|so|a|he|she|they|we|you|but|this|that|many"


def expression(pattern: str) -> str:
    """The regular expression of a rule's pattern, over `word/TAG` tokens with a space after each."""
    return "".join(map(_item, pattern.split()))


def _item(item: str) -> str:
    if item == "$":
        return r"(?=\||$)"
    if item[0] in _GAPS:
        return rf"(?:{_WORD}/(?:{_GAPS[item[0]]}) ){{0,{item[1:]}}}?"
    if item == "JUDGED":
        return rf"(?!(?:{_AFTER_TOO})/){_WORD}/(?:P|B|S[JK]?|X) "
    optional = "?" if item.endswith("?") else ""
    return f"(?:{'|'.join(map(_one, item.rstrip('?').split('|')))}){optional}"


def _one(name: str) -> str:
    if name in _TAGS:
        return rf"{_WORD}/(?:{_TAGS[name]}) "
    if name in _PHRASES:
        return f"(?:{'|'.join(map(expression, _PHRASES[name]))})"
    return rf"{re.escape(key(name))}/\w+ "
