"""Reference texts for copywrite: sentences of public descriptions, with every claim of theirs turned into a fact.

Whole sentences are taken as they are or not at all. A fact is a run of the text's own words that neither name nor
category covers, so a reference says its facts and nothing else. Called by `training.tasks.copywrite`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from adapters.ontology import Ontology
from adapters.tasks import copywrite
from adapters.tasks.claims import STATED, Claim, claims
from adapters.tasks.copy_nouns import short_name
from adapters.tasks.copy_words import is_ordinary, lexicon
from adapters.words import phrase_key
from training.examples import Example
from training.public import goods, readers
from training.public.goods import Offer
from training.tasks.goods import leaf_of, table
from training.tasks.retail import RETAIL, retail_leaves
from training.text import key

SOURCES = ("mwpd", "pave", "flipkart", "amazon", "best-buy")
WORDS = range(16, 61)  # of a reference
SENTENCE_WORDS = range(5, 33)
NAME_WORDS = range(2, 10)
MOST_FACTS = 6
FACT_WORDS = 7
CAP = 60  # references of a source and department
SAME_START = 4  # references that begin with the same two words, for each hundred

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_SHOP_TALK = re.compile(
    r"https?:|www\.|\.(?:com|net|org|co)\b|[$£€₹*|•\[\]{}<>#=;:~^“”()…]|\bRs\b|\.\.|--|\b(?:buy|bought|shop|shops|shopping"
    r"|order|orders|ordered|ordering|ship|ships|shipped|shipping|delivery|delivered|warranty|guarantee[ds]?|website|online"
    r"|click|cart|sale|sales|price|prices|priced|stock|store|stores|retail|returns?|refund|customers?|contact|email"
    r"|call|please|note|visit|subscribe|discount|sold|seller|selling|vary|pictured|photo shown|shown|image|images"
    r"|available|disclaimer|instructions|related|blog|license[ds]?|licensed|trademark|patent(?:ed)?|upc|sku|item"
    r"|we|our|us|i|my|me|he|she|his|replacement|recommended|i'm|we're|we've|because|however"
    r"|approx|presenting|unyielding|features features"
    r"|read|learn more|see|check out|add to|today|years|since|company|founded|award)\b",
    re.IGNORECASE,
)
_JOINED = re.compile(r"[a-z][A-Z]|[a-z][.!?,][A-Za-z]|\d[A-Z][a-z]|\s,|[A-Za-z]\s'|&\w+;")
_CODE = re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])[\w-]{5,}\b")
_SHOUTED = re.compile(r"\b[A-Z]{5,}\b|\b[A-Z]{2,}\s+[A-Z]{2,}\b")
_START = re.compile(r"[A-Z][a-z]*\b")
_BROKEN_START = frozenset(
    "and or but also which so then it's its it he she because however another both either such there here"
    " in-the both additionally furthermore moreover plus otherwise if other".split()
)
_PURPLE = re.compile(
    r"\b(?:elevate|unleash|indulge|testament|whether|step into|not just|more than just)\b", re.IGNORECASE
)
_BROKEN = re.compile(
    r"\b(?:can|don|doesn|didn|won|isn|aren|couldn|you|it|they|that|there|s) (?:t|ll|re|s|ve|d)\b"
    r"|\b(?:youre|dont|youll|cant|wont|theres|thats|isnt|doesnt)\b"
    r"|\b(\w+) \1\b|\b[b-hj-z] \b|!!"
)
_SLOGAN = re.compile(r"\b(?:for|adds|with|that|your|style|look)\b|,", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:is|are|has|have|had|was|features?|includes?|offers?|brings?|makes?|adds?|gives?|keeps?|provides?|lets?|helps?"
    r"|allows?|comes?|combines?|blends?|boasts?|showcases?|creates?|ensures?|delivers?|fits|sits|stands|holds|looks?|works?"
    r"|feels?|goes|can|will|complements?|captures?|exudes?|evokes?|serves?|protects?|suits?|lends?|enhances?|displays?"
    r"|embodies|infuses?|infuse|comprises?|contains?|uses?|doubles|sports|shows?|completes?|completed)\b"
)
_IMPERATIVE = re.compile(
    r"(?:Add|Bring|Give|Keep|Make|Enjoy|Wear|Complete|Enhance|Celebrate|Protect|Let|Create|Discover|Treat|Style|Transform|"
    r"Decorate|Accent|Dress|Stay|Carry|Show|Get|Take|Pair|Use|Infuse|Brighten|Accessorize|Organize|Meet|Have|Upgrade|Set|"
    r"Serve|Cook|Charge|Safeguard|Shield|Light|Fill|Store|Surprise|Express|Cheer|Support|Capture|Embrace|Experience)\s"
)
_BEFORE = frozenset(
    "a an the its with and of in from or for features feature featuring includes include including has have having"
    " offers offer provides provide made is are by both this your any each every all as on at very so into over under"
    " against without add adds bring brings give gives keep keeps get use uses have crafted hold holds through while"
    " like enjoy create creates show make makes extra about more most between among".split()
)
_BEHIND = frozenset("and or that which for to with in on of is are at by from as make makes while when without".split())
_GOES_ON = frozenset(["This", "The", "It", "Its"])  # may follow a sentence that was left out
_REFERS = frozenset(["It", "Its", "Do", "Each", "They", "Their", "These", "When"])  # needs a sentence before it
_ARTICLES = frozenset(["a", "an", "the", "your", "its"])
_ONE_WORD_BEHIND = _ARTICLES | frozenset("of with and for , in or any every against".split())
_JOINS = frozenset("and of or".split())
_ADJECTIVE = re.compile(
    r".*(?:able|ible|proof|resistant|free|less|ful|ous|ic|ive|ed|al|ant|ent|y|ish|ary|soft|warm|light|slim)"
)
_MEASURES = {
    "size": "inch inches in cm mm ft feet foot meter meters",
    "capacity": "gb tb ml l liter liters litre oz ounce ounces quart quarts gallon gallons mah cup cups",
    "weight": "kg g gram grams lb lbs pound pounds",
    "power": "watt watts w volt volts v",
    "duration": "hour hours minutes minute days hrs",
}
_OF_UNIT = {unit: name for name, units in _MEASURES.items() for unit in units.split()}


@dataclass(frozen=True, slots=True)
class Described:
    """A product with a description, and the department that it is counted under."""

    source: str
    split: str
    name: str
    category: str
    department: str
    description: str


def references(ontology: Ontology) -> Iterator[Example]:
    """Curated pairs of every source, at most `CAP` a source and department in the training split."""
    counts: Counter[tuple[str, ...]] = Counter()
    seen: set[str] = set()
    starts: Counter[str] = Counter()
    products = sorted(_products(ontology), key=lambda p: key(p.name + p.description)[::-1])
    held_out = {key(product.name) for product in products if product.split != "train"}
    for product in products:
        if product.split == "train" and key(product.name) in held_out:
            continue
        place = (product.source, product.department, product.split)
        most = CAP if product.split == "train" else CAP // 4
        if counts[place] >= most:
            continue
        for text in _passages(product, ontology):
            example = _example(product, text, ontology)
            start = " ".join(text.split()[:2]).lower()
            if example is None or key(text) in seen or starts[start] > SAME_START + len(seen) * SAME_START // 100:
                continue
            seen.add(key(text))
            starts[start] += 1
            counts[place] += 1
            yield example
            break


def _products(ontology: Ontology) -> Iterator[Described]:
    for source in SOURCES:
        for offer in goods.READERS[source]():
            named = leaf_of(offer, table(source), ontology)
            leaf = named if named in ontology.categories else None
            category = leaf or (offer.path[-1] if offer.path and source in ("flipkart", "amazon", "best-buy") else None)
            name = _name(offer)
            if offer.description and name and category:
                department = ontology.categories[leaf].path[0] if leaf else offer.path[0]
                yield Described(source, offer.split, name, category, department, offer.description)
    of_retail = retail_leaves()
    for product in readers.products():
        leaf = of_retail[f"{product.category}/{product.style}"]
        department = ontology.categories[leaf].path[0]
        if not _SLOGAN.search(product.name) and len(product.name.split()) < 6:
            yield Described(RETAIL, product.split, product.name, leaf, department, product.description)


def _name(offer: Offer) -> str | None:
    """The product's name out of a title, without codes and shops; None if little remains."""
    title = re.sub(r"[®™©]", "", offer.title)
    parts = re.split(r"\s[-\u2013|]\s", title)
    if offer.brand and len(parts) > 1 and parts[0].strip().lower() == offer.brand.lower():
        title = f"{parts[0]} {parts[1]}"
    name = " ".join(short_name(title).split())
    name = re.sub(r"\s(?:by|from)\s.*$|\s\d+\s?$", "", name)
    name = re.sub(r"\s+for\s+.*$", "", name)
    is_plain = name[:1].isupper() and not name.isupper() and not re.search(r"[^\w\s'&.-]|\.com|\b\w*\d{4,}\w*\b", name)
    return name if is_plain and len(name.split()) in NAME_WORDS and not _SHOUTED.search(name) else None


def _passages(product: Described, ontology: Ontology) -> Iterator[str]:
    """Runs of good sentences, the longest of the first place first."""
    sentences = _SENTENCE.split(product.description)
    good = [_is_good(sentence, product) and _is_factual(sentence, product, ontology) for sentence in sentences]
    runs = []
    for start in range(len(sentences)):
        text = ""
        is_start = good[start] and sentences[start].split()[0] not in _REFERS
        for end in range(start, min(start + 6, len(sentences)) if is_start else start):
            if not good[end]:
                continue
            if end > start and not good[end - 1] and sentences[end].split()[0] not in _GOES_ON:
                break
            text = f"{text} {sentences[end]}".strip()
            if len(text.split()) in WORDS:
                runs.append((start, -len(text.split()), text))
    yield from (text for _, _, text in sorted(runs))


def _is_factual(sentence: str, product: Described, ontology: Ontology) -> bool:
    request = copywrite.Request(name=product.name, category=product.category[:100])
    return _facts(sentence, claims(sentence, copywrite.facts_of(request), ontology)) is not None


def _is_good(sentence: str, product: Described) -> bool:
    if len(sentence.split()) not in SENTENCE_WORDS or not sentence.endswith((".", "!")) or not sentence.isascii():
        return False
    if not _START.match(sentence) or sentence.split()[0].lower() in _BROKEN_START - {"it", "its"}:
        return False
    if _BROKEN.search(sentence) or not (_VERB.search(sentence) or _IMPERATIVE.match(sentence)):
        return False
    bare = sentence.replace(product.name, "")
    if _SHOP_TALK.search(bare) or _JOINED.search(bare) or _SHOUTED.search(bare) or _PURPLE.search(bare):
        return False
    capitals = sum(word[0].isupper() for word in bare.split()[1:])
    codes = [code for code in _CODE.findall(bare) if code.lower() not in product.name.lower()]
    return not codes and capitals <= 4 and sentence.count(",") <= 4


def _example(product: Described, text: str, ontology: Ontology) -> Example | None:
    bare = copywrite.Request(name=product.name, category=product.category[:100])
    found = claims(text, copywrite.facts_of(bare), ontology)
    facts = _facts(text, found)
    if facts is None or not 1 <= len(facts) <= MOST_FACTS:
        return None
    attributes: dict[str, list[str]] = {}
    for name, value in facts:
        attributes.setdefault(name, []).append(value)
    joined = {name: ", ".join(dict.fromkeys(values)) for name, values in attributes.items()}
    context = None
    if len(joined.get("feature", "")) > 100:
        context = attributes["feature"][1:]
        joined["feature"] = attributes["feature"][0]
    if any(len(value) > 100 for value in joined.values()) or (context and len(context) > 5):
        return None
    words = len(text.split())
    bucket = sum(key(text).encode()) % 4
    limit = None if bucket < 2 else min(150, -(-words // 10) * 10 + 10 * (bucket - 2))
    request = bare.model_copy(update={"attributes": joined, "context": context, "max_words": limit})
    request = copywrite.Request.model_validate(request.model_dump())
    labels = copywrite.Labels(description=text)
    answer = copywrite.TASK.expand(labels, request, ontology)
    is_clean = not answer["missing"] and not answer["unsupported"] and answer["description"] == text
    if not is_clean or not copywrite.TASK.faithful(labels, request, ontology):
        return None
    return Example(product.split, product.source, request, labels)


def _facts(text: str, found: list[Claim]) -> list[tuple[str, str]] | None:
    """The claims as (attribute, value), neighbours as one; None where one reads as no fact."""
    groups: list[list[Claim]] = []
    for claim in sorted(found, key=lambda claim: claim.start):
        if groups and _continues(text, groups[-1], claim):
            groups[-1].append(claim)
        else:
            groups.append([claim])
    facts = [_fact(text, group) for group in groups]
    whole = [fact for fact in facts if fact is not None]
    return whole if len(whole) == len(facts) else None


def _continues(text: str, group: list[Claim], claim: Claim) -> bool:
    between = text[group[-1].end : claim.start]
    words = between.lower().split()
    if group[-1].kind != claim.kind and {group[-1].kind, claim.kind} <= set(STATED):
        return False
    length = len(text[group[0].start : claim.end].split())
    return len(words) <= 1 and set(words) <= _JOINS and not re.search(r"[.,!?]", between) and length <= FACT_WORDS


def _fact(text: str, group: list[Claim]) -> tuple[str, str] | None:
    """A group as a fact, if it stands where a noun phrase or an adjective stands."""
    value = text[group[0].start : group[-1].end]
    words = phrase_key(value).split()
    before = re.findall(r"[\w']+|[,.!?]", text[: group[0].start])[-1:]
    behind = re.findall(r"[\w']+|[,.!?]", text[group[-1].end :])[:1]
    if len(words) > FACT_WORDS or any(claim.kind == "name" for claim in group) or not behind:
        return None
    kind, last = group[0].kind, before[0].lower() if before else "."
    is_known = len(group) == 1 and kind not in ("claim", "product", "number", "occasion", "size", "use")
    if last in ".!?":
        if not is_known:
            return None
        value = value[:1].lower() + value[1:]
    if is_known:
        return kind, value
    is_phrase = last in _BEFORE or last == "," or last.isdigit() or _is_praise(last)
    next_ = behind[0].lower()
    is_modifier = next_ not in _BEHIND and next_ not in ",.!?" and not _VERB.fullmatch(next_)
    if not is_phrase or (words[0].endswith("ing") and last not in _ARTICLES) or (is_modifier and is_ordinary(next_)):
        return None
    if len(words) == 1 and not (_ADJECTIVE.fullmatch(words[0]) or last in _ONE_WORD_BEHIND):
        return None
    unit = next((name for word in words if (name := _OF_UNIT.get(word))), None)
    if kind == "number" and len(words) <= 2:
        return (unit, value) if unit else ("feature", value) if len(words) == 2 else None
    return ("use" if last == "for" else "feature"), value


def _is_praise(word: str) -> bool:
    return word in _praise()


@cache
def _praise() -> frozenset[str]:
    return frozenset(lexicon()["ordinary"]["praise"].split())
