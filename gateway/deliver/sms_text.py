"""The words of short messages: the notice and how to answer it, and what is answered to a reply."""

from __future__ import annotations

import enum
from typing import Final

from gateway.deliver.wording import Notice
from rules.text import Text

_REPLY: Final = Text(" 回{code}接手", " Reply {code}")


class Answer(enum.StrEnum):
    """What came of a reply."""

    TAKEN = "taken"
    BY_ANOTHER = "by_another"
    OVER = "over"
    UNKNOWN = "unknown"


_ANSWERS: Final = {
    Answer.TAKEN: Text("已记录：编号{code}由您接手。请到场查看。", "Recorded: {code} is yours. Go and look."),
    Answer.BY_ANOTHER: Text("编号{code}已由他人接手，您的回复也已记录。", "{code} was taken on already; noted."),
    Answer.OVER: Text("编号{code}的事件已结束。", "{code} is over."),
    Answer.UNKNOWN: Text(
        "未识别。请只回复短信里的两位编号；紧急情况请直接打电话。",
        "Not understood. Reply with the two digits only. Urgent: call.",
    ),
}


def message_text(notice: Notice, code: str) -> str:
    """The short form of a notice, and behind it how to answer. One part where it fits; what is urgent stands first."""
    if not code:
        return notice.short
    return notice.short + _REPLY.in_language(notice.language).format(code=code)


def answer_text(answer: Answer, code: str, language: str) -> str:
    """What is answered to a reply, in one part."""
    return _ANSWERS[answer].in_language(language).format(code=code)
