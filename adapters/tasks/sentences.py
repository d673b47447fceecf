"""Product copy without a model: the facts joined into sentences by templates.

The same key gives the same text; another key varies openings, order and endings. Every fact is said and nothing
else: what the templates add are ordinary words. Called for the fallback of `adapters.tasks.copywrite` and by
training, which composes some of its references this way.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapters.ontology import Ontology
from adapters.tasks.claims import Facts
from adapters.tasks.copy_nouns import article, called, is_mass, listed, noun_of, short_name
from adapters.words import fold, phrase_key

IN_FRONT = ("style", "color", "colour", "pattern", "material")  # said before the noun, in this order
AUDIENCES = ("gender", "age_group", "age", "audience")
USES = ("occasion", "season", "use")
FEATURES = ("feature", "features")
MAKERS = ("brand", "maker", "manufacturer")
MAX_IN_FRONT = 3

_WHOLE = re.compile(r"[^\W\d_]+(?:[ '\u2019-][^\W\d_]+){0,2}")
_ADJECTIVE = re.compile(
    r".*(?:able|ible|proof|resistant|free|safe|friendly|less|ful|ous|ic|ive|ed|al|ant|ent|style|duty|lasting|slip|stick"
    r"|wear|handmade|blackout|soft|smart|warm|light|stretch|organic|portable|wireless|vegan|manual|digital|kosher|solar"
    r"|compact|lightweight|trade|heavy|shiny|glossy|comfy|airy|roomy|fluffy|sturdy|cancelling|canceling|wicking|drying|cleaning|folding)"
)
_NOT_ADJECTIVES = frozenset(
    "pedal dial metal plastic fabric elastic mosaic bed seed plant vent scent compartment tent panel led".split()
)
_SEVERAL_OF = {
    "adult": "adults",
    "toddler": "toddlers",
    "teen": "teens",
    "newborn": "newborns",
    "senior": "seniors",
    "baby": "babies",
}
_COUNTED_PARTS = frozenset(
    "tray display motor grip handle strap pocket base zip zipper sole insole microphone lid hood pouch timer screen "
    "touchscreen battery stand camera filter button compartment collar bridge fit clip hook holder case cover".split()
)
_NO_COMPOUNDS = frozenset("language origin country model contents title author made sku code id number".split())
_COUNTED = frozenset("wedding party birthday anniversary graduation housewarming picnic funeral engagement".split())
_OF_OCCASIONS = frozenset("casual formal smart casual ethnic special festive".split())
_PLACES = frozenset(
    "kitchen bathroom bedroom garden garage desk wall window car boat motorcycle office beach house living room".split()
)
_OF_USE = frozenset("indoor outdoor everyday daily professional home commercial".split())
_YES, _NO = frozenset({"yes", "true"}), frozenset({"no", "false", "none"})


@dataclass(frozen=True, slots=True)
class _Number:
    """The forms of verbs and pronouns."""

    it: str
    its: str
    is_: str
    has: str
    suits: str


_ONE = _Number("it", "its", "is", "has", "suits")
_SEVERAL = _Number("they", "their", "are", "have", "suit")


@dataclass(slots=True)
class _Parts:
    """The facts by the place that they have in a sentence."""

    front: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)  # after the noun: for women, by a maker
    traits: list[str] = field(default_factory=list)  # after `is`
    parts: list[str] = field(default_factory=list)  # after `has`
    statements: list[str] = field(default_factory=list)  # its scent is ...
    uses: list[str] = field(default_factory=list)  # for ...


class _Choices:
    """Choices that follow from a key."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._count = 0

    def pick(self, options: Sequence[str]) -> str:
        self._count += 1
        digest = hashlib.sha256(f"{self._count} {self._key}".encode()).digest()
        return options[int.from_bytes(digest[:4], "big") % len(options)]


def compose(
    facts: Facts, attributes: Mapping[str, str], ontology: Ontology, max_words: int | None = None, key: str = ""
) -> str:
    """Two or three sentences that say the name, the noun and every attribute; `max_words` is kept if it can be."""
    longest = _text(facts, attributes, ontology, key, closing=True)
    if max_words is None or len(longest.split()) <= max_words:
        return longest
    plain = _text(facts, attributes, ontology, key, closing=False)
    return plain if len(plain.split()) <= max_words else _dense(facts, attributes, ontology)


def _text(facts: Facts, attributes: Mapping[str, str], ontology: Ontology, key: str, closing: bool) -> str:
    choices = _Choices(f"{facts.name}\n{key}")
    name = short_name(facts.name)
    noun, is_plural = noun_of(facts, ontology)
    number = _SEVERAL if is_plural else _ONE
    parts = _parts(facts, attributes, name)
    sentences = [_opening(name, noun, is_plural, parts, choices)]
    if parts.traits or parts.parts:
        sentences.append(_details(parts, number, choices))
    if parts.statements:
        sentences += _stated(parts.statements, number, choices)
    if parts.uses:
        sentences.append(_uses(parts.uses, number, choices))
    if closing and len(sentences) < 3:
        sentences.append(_closing(number, choices))
    return " ".join(_sentence(sentence) for sentence in sentences)


def _dense(facts: Facts, attributes: Mapping[str, str], ontology: Ontology) -> str:
    """One sentence of as few words as say everything."""
    name = short_name(facts.name)
    noun, is_plural = noun_of(facts, ontology)
    parts = _parts(facts, attributes, name)
    phrase = " ".join([*parts.front, noun])
    has = [*parts.parts, *(f"{value} {label}" for label, value in map(_split, parts.statements))]
    tail = [", ".join(parts.traits)] if parts.traits else []
    head = " ".join([f"{name}:", phrase if is_plural or is_mass(noun) else article(phrase), *parts.behind])
    with_ = [f"with {listed(has)}"] if has else []
    return _sentence(" ".join([", ".join([head, *tail]), *with_, *(f"for {use}" for use in parts.uses)]))


def _split(statement: str) -> tuple[str, str]:
    label, _, value = statement.partition("\t")
    return label, value


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")


def _value(text: str) -> str:
    """A value, its alternatives joined: `red, white` becomes `red and white`."""
    parts = [part.strip() for part in re.split(r"[/;,]", text)]
    return listed(parts) if all(map(str.isalpha, parts)) else text.strip()


def _parts(facts: Facts, attributes: Mapping[str, str], name: str) -> _Parts:
    parts = _Parts()
    name_words = set(phrase_key(name).split())
    ordered = sorted(
        attributes.items(), key=lambda item: IN_FRONT.index(item[0]) if item[0] in IN_FRONT else len(IN_FRONT)
    )
    for label, value in ((label.replace("_", " ").strip(), value.strip()) for label, value in ordered):
        attribute = label.lower().replace(" ", "_")
        value = _value(value) if attribute in IN_FRONT else value
        is_short = _WHOLE.fullmatch(value) is not None
        if attribute in IN_FRONT:
            if set(phrase_key(value).split()) <= name_words:
                continue
            if is_short and len(parts.front) < MAX_IN_FRONT:
                parts.front.append("multicolored" if value.lower() == "multi" else _lowered(value))
            else:
                parts.statements.append(f"{label}\t{value}")
        elif attribute in MAKERS:
            parts.behind.append(f"by {value}")
        elif attribute in USES and is_short:
            parts.uses.append(_use(attribute, value))
        elif attribute in AUDIENCES and is_short and value.lower() != "unisex":
            parts.behind.append(f"for {_use(attribute, value)}")
        elif attribute.startswith("age") and value[:1].isdigit():
            parts.behind.append(f"for ages {value}")
        elif value.lower() == "unisex":
            parts.traits.append("unisex")
        elif attribute in FEATURES:
            _add_feature(parts, value)
        elif value.lower() in _YES:
            _add_feature(parts, label)
        elif value.lower() in _NO:
            parts.statements.append(f"{label}\t{value}")
        elif value[:1].isdigit() and re.fullmatch(r"[\d.,]+(?: to [\d.,]+)?", value) and label.endswith("s"):
            parts.parts.append(f"{value} {label}")
        elif value[:1].isdigit() and label:
            parts.parts.append(f"{article(label)} of {re.sub(r'(?<!^1) inch$', ' inches', value)}")
        elif is_short and not label.endswith("s") and not _NO_COMPOUNDS & set(attribute.split("_")):
            repeats = set(phrase_key(label).split()) <= set(phrase_key(value).split())
            parts.parts.append(article(value if repeats else f"{value} {label}"))
        else:
            parts.statements.append(f"{label}\t{value}")
    return parts


def _lowered(value: str) -> str:
    """A value as it stands inside a sentence: `Navy Blue` loses its capitals, `LED` does not."""
    return " ".join(word if word[1:] != word[1:].lower() else word.lower() for word in value.split())


def _add_feature(parts: _Parts, value: str) -> None:
    for item in filter(None, (item.strip() for item in re.split(r"[,;]", value))):
        bare = re.sub(r"^(?:with|has|includes?)\s+", "", item, flags=re.IGNORECASE)
        last = phrase_key(bare).split()[-1:] or [bare]
        is_trait = bare.startswith("easy to ") or (
            bare == item and _ADJECTIVE.fullmatch(last[0]) and last[0] not in _NOT_ADJECTIVES
        )
        is_counted = not is_trait and last[0] in _COUNTED_PARTS and re.match(r"(?!(?:a|an|the|no|one)\s)[^\W\d]", bare)
        (parts.traits if is_trait else parts.parts).append(article(bare) if is_counted else _lowered(bare))


def _use(attribute: str, value: str) -> str:
    value = re.sub(r"^for\s+", "", value, flags=re.IGNORECASE)
    low = value.lower()
    if attribute == "use" and low in _OF_USE:
        return f"{low} use"
    if low in _OF_OCCASIONS or low == "smart casual":
        return f"{low} occasions"
    if low in _COUNTED:
        return article(low)
    if low in _PLACES or low == "living room":
        return low if low == "office" and attribute == "occasion" else f"the {low}"
    if low in ("christmas", "halloween", "easter", "thanksgiving", "valentine's day", "diwali"):
        return low[:1].upper() + low[1:]
    return _SEVERAL_OF.get(low, value)


def _opening(name: str, noun: str, is_plural: bool, parts: _Parts, choices: _Choices) -> str:
    phrase = " ".join([*parts.front, noun])
    if noun.startswith("pair of "):
        phrase = " ".join(["pair of", *parts.front, noun.removeprefix("pair of ")])
    thing = phrase if is_plural or is_mass(noun) else article(phrase)
    thing = " ".join([thing, *parts.behind])
    called_name = called(name)
    is_ = "are" if is_plural else "is"
    if not parts.front and set(phrase_key(noun).split()) <= set(phrase_key(name).split()):
        return " ".join([choices.pick(("meet", "discover", "say hello to", f"here {is_}")), called_name, *parts.behind])
    forms = (
        f"{called_name} {is_} {thing}",
        f"meet {called_name}, {thing}",
        f"here {is_} {called_name}: {thing}",
        f"say hello to {called_name}, {thing}",
        f"{thing}, {called_name} {is_} made to be enjoyed",
        f"{called_name} {is_} {thing}, easy to love from the first moment",
        f"discover {called_name}, {thing} to enjoy every day",
        f"with {called_name} you get {thing}",
        f"{called_name} {is_} just what the name says: {thing}",
        f"looking for {thing}? Meet {called_name}",
    )
    return choices.pick(forms[:-1] if "?" in thing else forms)


def _details(parts: _Parts, number: _Number, choices: _Choices) -> str:
    traits, has = parts.traits, parts.parts
    if not has:
        forms = (
            f"{number.it} {number.is_} {listed(traits)}",
            f"you will love that {number.it} {number.is_} {listed(traits)}",
            f"best of all, {number.it} {number.is_} {listed(traits)}",
            f"what is more, {number.it} {number.is_} {listed(traits)}",
        )
        return choices.pick(forms if parts.front else forms[:2])
    if not traits:
        return choices.pick(
            (
                f"{number.it} {number.has} {listed(has)}",
                f"{number.it} come{'s' if number is _ONE else ''} with {listed(has)}",
                f"you get {listed(has)}",
                f"{number.it} offer{'s' if number is _ONE else ''} {listed(has)}",
            )
        )
    return choices.pick(
        (
            f"{number.it} {number.is_} {listed(traits)}, with {listed(has)}",
            f"{number.it} {number.is_} {listed(traits)} and {number.has} {listed(has)}",
            f"with {listed(has)}, {number.it} {number.is_} also {listed(traits)}",
        )
    )


def _stated(statements: list[str], number: _Number, choices: _Choices) -> list[str]:
    phrases = [_split(statement) for statement in statements]
    sentences = []
    for i in range(0, len(phrases), 2):
        first, *more = phrases[i : i + 2]
        its = choices.pick((number.its, "the"))
        sentences.append(f"{its} {_is(*first)}" + "".join(f", and the {_is(*pair)}" for pair in more))
    return sentences


def _is(label: str, value: str) -> str:
    return f"{label or 'detail'} {'are' if fold(label) != label and label.endswith('s') else 'is'} {value}"


def _uses(uses: list[str], number: _Number, choices: _Choices) -> str:
    places = listed([f"for {use}" for use in uses])
    return choices.pick(
        (
            f"choose {'them' if number is _SEVERAL else 'it'} {places}",
            f"{number.it} {number.is_} just right {places}",
            f"{number.it} {number.is_} a great choice {places}",
            f"{number.it} {number.is_} made {places}",
            f"{number.it} {number.is_} ready {places}",
        )
    )


def _closing(number: _Number, choices: _Choices) -> str:
    them = "them" if number is _SEVERAL else "it"
    return choices.pick(
        (
            "simple, useful and easy to love",
            "a choice that you will be happy with every day",
            f"once you have {them}, you will wonder how you did without {them}",
            f"{number.it} look{'s' if number is _ONE else ''} good and feel{'s' if number is _ONE else ''} right",
            "nothing more, nothing less, and all the better for it",
            f"{number.it} {number.is_} a pleasure to own",
            "a lovely choice for yourself or someone you care about",
            "treat yourself to something that you will enjoy",
            "everything that you need, and nothing that you do not",
            "some choices are easy, and this is one of them",
            f"{number.it} {number.is_} as good to look at as to have around",
            "a thoughtful choice that makes every day a little better",
            f"see {them} once and you will want to keep {them} near",
            "it is the details that make the difference",
            f"{number.it} fit{'s' if number is _ONE else ''} in with everything that you love",
        )
    )
