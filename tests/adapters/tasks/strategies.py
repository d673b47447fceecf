"""Strategies for requests and labels of each task, from the shipped ontology."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from adapters.cleaning import plain
from adapters.ontology import Ontology
from adapters.tasks import churn, classify, copywrite, extract, rewrite, support
from adapters.tasks.reviews import MAX_SPAN, Review

SHOP = Ontology.load()

# Characters that are hard to parse: separators, signs, accents, odd spaces.
TRICKY = st.sampled_from(list(" ;:|-+=,.!?'\"\\/()&%$€éßİΣ日本😀\u00a0\u2009\u200b\u0301\x85\x80"))
PRINTABLE = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])
CHARACTERS = TRICKY | PRINTABLE | st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789")

# Phrases of the ontology, and some others.
VALUES = [
    (attribute.name, phrase)
    for attribute in SHOP.attributes.values()
    for value in attribute.values
    for phrase in (value, *SHOP.phrases(attribute.name, value))
]
PHRASES = sorted({phrase for _, phrase in VALUES} | {name.lower() for name in SHOP.categories})
FREE = ["zorblax", "quux", "xt-500", "500ml", "3/4", "o'hara", "café", "under", "$50", "1,299"]
FREE += ["for", "a", "with", "and", "the"]
QUERY_WORDS = st.sampled_from(sorted({w for phrase in PHRASES for w in phrase.split()})) | (st.sampled_from(FREE))


@st.composite
def classified(draw: st.DrawFn) -> tuple[classify.Request, classify.Labels]:
    attributes = {
        name: value
        for name in classify.DECIDED
        if (value := draw(st.none() | st.sampled_from(SHOP.attributes[name].values)))
    }
    category = draw(st.none() | st.sampled_from(sorted(SHOP.categories)))
    title = " ".join(draw(st.lists(QUERY_WORDS, min_size=1, max_size=8)))
    return classify.Request(title=title), classify.Labels(category=category, attributes=attributes)


@st.composite
def tags(draw: st.DrawFn, count: int) -> list[str]:
    """Any valid tags of `count` words: only a word after a phrase's word may continue it."""
    drawn: list[str] = []
    for _ in range(count):
        continues = [rewrite.CONTINUES] if drawn and drawn[-1] != rewrite.OTHER else []
        drawn.append(draw(st.sampled_from([rewrite.OTHER, *rewrite.TYPES, *continues * 8])))
    return drawn


@st.composite
def rewritten(draw: st.DrawFn) -> tuple[rewrite.Request, rewrite.Labels]:
    words = draw(st.lists(QUERY_WORDS, min_size=1, max_size=rewrite.MAX_WORDS))
    query = " ".join(words)[:300].rstrip()
    return rewrite.Request(query=query), rewrite.Labels(tags=draw(tags(len(query.split()))))


@st.composite
def reviews(draw: st.DrawFn) -> str:
    """Words with characters that are hard to parse, some too long for a line."""
    letters = st.text(CHARACTERS, min_size=1, max_size=6)
    words = draw(st.lists(letters | QUERY_WORDS | st.just("x" * 30), min_size=1, max_size=9))
    return draw(st.sampled_from([" ", "  ", "; ", ":"])).join(words).strip() or "a review"


@st.composite
def extracted(draw: st.DrawFn) -> tuple[extract.Request, extract.Labels]:
    """Aspects with words of the review, opinions in its order."""
    review = draw(reviews())
    forms = Review(review).forms

    def span(start: int) -> str:
        end = draw(st.integers(start + 1, min(len(forms), start + MAX_SPAN)))
        return " ".join(draw(st.sampled_from(word)) for word in forms[start:end])

    chosen = [i for i in range(len(forms)) for _ in range(2) if draw(st.booleans())]
    aspects = [
        extract.Aspect(
            aspect=span(draw(st.integers(0, len(forms) - 1))) if draw(st.booleans()) else None,
            category=draw(st.sampled_from(SHOP.aspects)),
            sentiment=draw(st.sampled_from(list(extract.SIGN_OF))),
            opinion=span(start),
        )
        for start in chosen
    ]
    labels = extract.Labels(
        overall_sentiment=draw(st.sampled_from(extract.OVERALL)),
        mentions_difficulty=draw(st.booleans()),
        use_case=draw(st.none() | st.sampled_from(SHOP.use_cases)),
        aspects=aspects,
    )
    return extract.Request.model_construct(review=review, product=None), labels


@st.composite
def facts(draw: st.DrawFn) -> copywrite.Request:
    """A product's name, values of the ontology and some others."""
    given = dict(draw(st.lists(st.sampled_from(VALUES), max_size=6)))
    given |= draw(st.dictionaries(st.sampled_from(["inner_lining", "volume"]), QUERY_WORDS))
    return copywrite.Request(
        name=draw(st.sampled_from(["Evening Calm", "Trail 28L", "Nº 5 café set", "X-2"])),
        category=draw(st.none() | st.sampled_from(sorted(SHOP.categories))),
        attributes=given,
        context=draw(st.none() | st.lists(st.sampled_from(PHRASES), max_size=3)),
    )


@st.composite
def written(draw: st.DrawFn) -> tuple[copywrite.Request, copywrite.Labels]:
    text = draw(st.text(CHARACTERS, min_size=1, max_size=80)) + draw(st.sampled_from(["", "x" * 3000]))
    return copywrite.Request(name="candle"), copywrite.Labels(description=text.strip(" ") or "-")


@st.composite
def subscribed(draw: st.DrawFn) -> tuple[churn.Request, churn.Labels]:
    leaves = draw(st.booleans())
    flags = draw(st.sets(st.sampled_from(churn.FLAGS))) if leaves else set()
    return draw(subscribers()), churn.Labels(will_churn=leaves, flags=[flag for flag in churn.FLAGS if flag in flags])


def subscribers() -> st.SearchStrategy[churn.Request]:
    many = st.none() | st.integers(0, churn.MANY)
    return st.builds(
        churn.Request,
        tenure_months=st.integers(0, 1200),
        contract=st.sampled_from(["monthly", "yearly", "longer"]),
        monthly_charge=st.none() | st.floats(0, 100_000),
        payment=st.none() | st.sampled_from(["card", "electronic_check"]),
        plan=st.none() | st.sampled_from(["Gold plus", "fiber"]),
        services=st.dictionaries(st.sampled_from(["tech_support", "online backup", "gift wrap"]), st.booleans()),
        inactive_days=many,
        support_contacts=many,
        failed_payments=many,
    )


FIGURES = (
    "Refunds take thirty 30 60 days, for $30 or 5% call +1 555 0100 at help@shop.example or "
    "www.shop.example/returns 1,299.00 EUR one month by Monday. (30) twenty-five e.g. A-1"
)
MESSAGES = (
    st.lists(st.sampled_from([*FIGURES.split(" "), "\x1f"]) | st.text(CHARACTERS, max_size=6), min_size=1, max_size=15)
    .map(" ".join)
    .filter(plain)
)


def support_requests() -> st.SearchStrategy[support.Request]:
    """A message with passages, with many figures."""
    passage = st.fixed_dictionaries({"text": MESSAGES}, optional={"title": st.just("Refunds: $5")})
    passages = st.lists(passage, max_size=support.MAX_PASSAGES)
    parts = st.fixed_dictionaries({"message": MESSAGES, "context": passages})
    return parts.map(support.Request.model_validate)


@st.composite
def answered(draw: st.DrawFn) -> tuple[support.Request, support.Labels]:
    request = draw(support_requests())
    places = range(1, len(request.context) + 1)
    cited = sorted(draw(st.sets(st.sampled_from(places)))) if places else []
    reply = draw(MESSAGES).replace("\x1f", "").strip(" ") or "-"
    return request, support.Labels(cited=cited, reply=reply if cited else None)


LABELLED: dict[str, st.SearchStrategy[tuple[Any, Any]]] = {
    "classify": classified(),
    "rewrite": rewritten(),
    "extract": extracted(),
    "copywrite": written(),
    "churn": subscribed(),
    "support": answered(),
}


@st.composite
def mutated(draw: st.DrawFn, line: str) -> str:
    """A line with characters inserted, deleted or replaced, or fields dropped, doubled or swapped."""
    for _ in range(draw(st.integers(1, 2))):
        start = draw(st.integers(0, len(line)))
        end = min(len(line), start + draw(st.sampled_from([0, 1, 1, 2, 9])))
        into = draw(st.sampled_from(["", "", " ", "; ", " +", "; -", ": ", "\t", "\x7f", "x" * 25]) | CHARACTERS)
        line = line[:start] + into + line[end:]
        separator = draw(st.sampled_from(["; ", " ", ": ", " - "]))
        fields = line.split(separator)
        i, j = (draw(st.integers(0, len(fields) - 1)) for _ in range(2))
        match draw(st.sampled_from(["keep", "keep", "swap", "drop", "double"])):
            case "swap":
                fields[i], fields[j] = fields[j], fields[i]
            case "drop":
                del fields[i]
            case "double":
                fields.insert(j, fields[i])
        line = separator.join(fields)
    return line
