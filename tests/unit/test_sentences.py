"""Each plan tells whom it says, when it says, and nobody else: the sentences of tests/sentences, on a manual clock."""

from __future__ import annotations

import pytest

from rules.alarm import Category
from tests.sentence_world import Telling, Wrong, home, sentences, tell

SENTENCES = sentences()


@pytest.mark.parametrize("name", list(SENTENCES))
def test_the_sentence_holds(name: str) -> None:
    telling = tell(SENTENCES[name], name)
    assert isinstance(telling, Telling) and telling.heard and not telling.rings


def test_every_category_and_every_home_has_its_sentence() -> None:
    words = ("smoke in", "gas in", "help in", "arcing in", "tamper in", "fault in", "camera lost in")
    assert len(words) == len(Category)
    text = "\n".join(SENTENCES.values())
    assert [word for word in words if word not in text] == []
    for name in ("plain", "county", "alone", "strict", "ordered", "nobody"):
        assert f"home {name}" in text and home(name).people


SMOKE = "home plain\nat 10:00 smoke in room 204\n"
FALSE = [
    ("unexpected", SMOKE + "expect: call chen", "nobody expected call li by sms after 0.3 s"),
    ("missing", SMOKE + "expect: call chen, li, wang", "expected call wang, but nothing happened"),
    ("late", SMOKE + "expect within 0.1 s: call chen, li", "expected call chen, but call chen by push; call li by sms"),
    ("early", SMOKE + "expect: call chen, li\nadvance 31 s\nexpect: call chen, li, wang",
     "nobody expected call chen by push after 30.3 s"),
    ("channel", SMOKE + "expect: call chen by sms, li", "expected call chen sms, but call chen by push"),
    ("not-nothing", SMOKE + "expect nothing", "nobody expected call chen by push"),
    ("no-message", SMOKE + "expect: call chen, li\nwang answers by sms", "wang has no message by sms to answer"),
    ("forgotten-end", SMOKE + "expect: call chen, li\nadvance 30 s", "its end: nobody expected call chen by push"),
    ("no-home", "at 10:00 smoke in room 204", "say first which home it is"),
    ("nonsense", SMOKE + "everybody runs", "nobody understands this line"),
    ("bad-word", SMOKE + "expect: shout chen", "nobody understands 'shout chen'"),
    ("bad-span", SMOKE + "expect: call chen, li\nadvance a while", "'a while' is not a span"),
    ("empty", "\n", "is empty"),
]


@pytest.mark.parametrize(("text", "words"), [pytest.param(*rest, id=name) for name, *rest in FALSE])
def test_a_sentence_that_does_not_hold_says_so(text: str, words: str) -> None:
    with pytest.raises(Wrong) as caught:
        tell(text, "it")
    assert words in str(caught.value)
