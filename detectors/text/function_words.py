"""English words that hold sentences together, by what they do: how they are used says little of the topic and much of the writer."""

from __future__ import annotations

GROUPS = {
    "article": "a an the",
    "first": "i i'm i've i'll i'd me my mine myself im ive",
    "plural": "we us our ours we're we've",
    "second": "you your yours you're u ur",
    "he-she": "he him his she her hers they them their theirs",
    "it": "it its it's",
    "pointer": "this that these those there here",
    "preposition": "of in to for on with at by from about into over after before under between through during against",
    "conjunction": "and or but because if so while though although than as",
    "auxiliary": "is are was were be been being am do does did have has had will would can could should may might must",
    "negation": "not no never nothing none don't can't won't isn't doesn't didn't cant dont",
    "question": "who what when where why how which",
    "adverb": "just very really too also only even still now then again always ever",
    "quantity": "all some any many much more most few every each both",
}
