"""What a short message that came in means: a code, words of the network's operator, or nothing that we understand."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_CODE = re.compile(
    r"[\s\W_]*(?:回复|收到|确认|编号|代码|reply|ok|yes|code)?[\s\W_]*(?P<code>[0-9]{2})[\s\W_]*"
    r"(?:(?:号|接手|收到|确认|好的?|ok|yes)[\s\W_]*)*",
    re.IGNORECASE,
)
"""A code alone, or with the words that stand beside it in our own message. Anything more may mean something else."""

_TROUBLE_WORDS: Final = ("欠费", "停机", "余额不足", "余额低于", "余额已低于", "暂停服务")
_MENDED_WORDS: Final = ("充值成功", "缴费成功", "交费成功", "已到账", "恢复通话", "恢复使用", "已复机", "已开机")
_COUNTRY: Final = "86"
_MOBILE_DIGITS: Final = 11


def code_in(text: str) -> str:
    """The two digits that a reply consists of, or ""; full-width digits are digits."""
    found = _CODE.fullmatch(unicodedata.normalize("NFKC", text))
    return found["code"] if found else ""


def plain_number(number: str) -> str:
    """A number as it can be compared: digits only, a mainland mobile without +86, 0086 or 86."""
    digits = "".join(sign for sign in unicodedata.normalize("NFKC", number) if sign in "0123456789")
    if digits.startswith("00"):
        digits = digits[2:]
    if len(digits) == _MOBILE_DIGITS + len(_COUNTRY) and digits.startswith(_COUNTRY):
        return digits[len(_COUNTRY) :]
    return digits


def credit_in(text: str) -> bool | None:
    """What an operator says of the card's credit: False (used up, or nearly), True (mended), None (something else)."""
    if any(word in text for word in _MENDED_WORDS):
        return True
    return False if any(word in text for word in _TROUBLE_WORDS) else None
