"""Voice calls over a SIP trunk or a GSM gateway: a spoken message, and a key that takes the incident on."""

from __future__ import annotations

import asyncio
import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from gateway.clock import Clock
from gateway.deliver.baresip import Baresip, CallEnd, End, Line
from gateway.deliver.destination import Later, SendResult
from gateway.deliver.message_channel import MessageChannel, Words, refused, retry
from gateway.deliver.quota import Quota
from gateway.deliver.speech import SpeechFailed, sound_of, spoken_text, thanks_text, written_wav
from gateway.deliver.wording import Notice
from gateway.metrics import Metrics
from rules.effects import Notify
from rules.inputs import Outcome

_NUMBER = re.compile(r"\+?[0-9]{3,15}")
_AROUND_S: Final = 45.0
"""What a call takes beside ringing and talking: to speak the text into a file, to dial, to thank, to hang up."""

_WORDS: Final = {
    End.NO_ANSWER: "not answered",
    End.BUSY: "busy",
    End.DECLINED: "declined",
    End.WRONG_NUMBER: "no such number",
}


class VoiceLine(MessageChannel):
    """One line, so one call at a time, the most dangerous first. A person's address is a number.

    Key 1 takes the incident on (answered). Picked up without the key is delivered, no more: it may have been a
    mailbox. Busy, declined and not answered are refused, so that the plan moves on at once. Nobody is called to hear
    that something is over.
    """

    at_once = 1

    def __init__(
        self,
        name: str,
        words: Words,
        clock: Clock,
        quota: Quota,
        *,
        line: Line,
        speakers: Mapping[str, Sequence[str]],
        tell: Callable[[str, bool, str], None],
        metrics: Metrics,
        ring_s: float = 35.0,
        talk_s: float = 45.0,
        timeout_s: float = 5.0,
    ) -> None:
        """`speakers`: for each language the program that speaks it."""
        super().__init__(name, words, clock, quota, timeout_s=timeout_s)
        self._speakers = speakers
        self._tell = tell
        self._metrics = metrics
        self._ring_s = ring_s
        self._talk_s = talk_s
        self._thanks: dict[str, array[int]] = {}
        self._telephone = Baresip(line, self._on_line, clock)
        self.hand_over_max_s = ring_s + talk_s + _AROUND_S

    def address_fault(self, address: str) -> str:
        if not address:
            return "no number in the site file"
        return "" if _NUMBER.fullmatch(_number(address)) else "a number has 3 to 15 digits, with or without +"

    async def listen(self, later: Later) -> None:  # noqa: ARG002  a call tells all it learns while it lasts
        """Keep the line's program running, until cancelled."""
        try:
            await self._telephone.run()
        except OSError as error:
            self._on_line(str(error.strerror or error))
            raise

    def _on_line(self, trouble: str) -> None:
        self._tell(f"voice-line:{self.name}", not trouble, trouble)

    async def hand_over(self, notify: Notify, notice: Notice, key: str) -> SendResult:  # noqa: ARG002  calls take no id
        if notify.purpose == "over":
            return refused("nobody is called to hear that it is over")
        try:
            message, thanks = await self._sounds(notice)
        except SpeechFailed as error:
            return retry(str(error))
        self._metrics.calls_made += 1
        with TemporaryDirectory(prefix="anlian-call-") as folder:
            spoken, thanked = Path(folder) / "message.wav", Path(folder) / "thanks.wav"
            spoken.write_bytes(await asyncio.to_thread(written_wav, message, last_s=self._talk_s))
            thanked.write_bytes(written_wav(thanks))
            number = _number(notify.address)
            ended = await self._telephone.call(number, spoken, thanked, self._ring_s, self._talk_s)
        return self._judge(ended)

    async def _sounds(self, notice: Notice) -> tuple[array[int], array[int]]:
        language = notice.language if notice.language in self._speakers else "zh"
        speaker = self._speakers[language]
        if language not in self._thanks:
            self._thanks[language] = await sound_of(thanks_text(language), speaker)
        return await sound_of(spoken_text(notice), speaker), self._thanks[language]

    def _judge(self, ended: CallEnd) -> SendResult:
        if ended.end is End.KEY:
            self._metrics.calls_answered += 1
            return SendResult(Outcome.ANSWERED, detail=f"pressed the key after {ended.talked_s:.0f} s")
        if ended.end is End.LISTENED:
            return SendResult(Outcome.DELIVERED, detail=f"picked up for {ended.talked_s:.0f} s: {ended.words}")
        if ended.end is End.LINE_FAULT:
            return retry(f"the line: {ended.words}")
        return refused(f"{_WORDS[ended.end]} ({ended.words})")


def _number(address: str) -> str:
    return address.replace(" ", "").replace("-", "")
