"""A notice as it is spoken: its words, and the sound that a program of this machine makes of them.

The program reads the text and writes a WAV: espeak-ng, or piper for a better voice. Telephones take 8,000 samples a
second (G.711), so the sound is brought to that; it is repeated, with a pause, for as long as a call may last.
"""

from __future__ import annotations

import asyncio
import io
import re
import wave
from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

from gateway.deliver.wording import Notice
from rules.text import Text

RATE: Final = 8000
_PAUSE_S: Final = 1.5
_SPEAK_S: Final = 20.0
_SOUND_MAX: Final = 16 * 1024 * 1024

_ASK = Text("按1键，表示由您接手。", "Press 1 to take it on.")
_THANKS = Text("已记录，由您接手。请到场查看。", "Recorded. It is yours. Go and look.")
_DIGITS = re.compile(r"\d{3,}")
_MARKS = str.maketrans({"【": "，", "】": "，", "[": ", ", "]": ", ", "：": "，", "→": "，"})


class SpeechFailed(Exception):
    """No sound could be made; the text says why."""


def spoken_text(notice: Notice) -> str:
    """What a call says: what, where, and the key. Room numbers are read digit by digit."""
    words = " ".join(f"{line}。" if notice.language == "zh" else f"{line}." for line in notice.lines[:2])
    words = _DIGITS.sub(lambda found: " ".join(found[0]), words.translate(_MARKS))
    return f"{words} {_ASK.in_language(notice.language)}"


def thanks_text(language: str) -> str:
    """What a call says once the key is pressed."""
    return _THANKS.in_language(language)


async def sound_of(text: str, command: Sequence[str]) -> array[int]:
    """The samples of a text, at 8,000 a second; SpeechFailed where the program does not make any."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise SpeechFailed(f"{command[0]} cannot be run: {error.strerror or error}") from error
    try:
        async with asyncio.timeout(_SPEAK_S):
            body, _ = await process.communicate(text.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        raise SpeechFailed(f"{command[0]} did not speak within {_SPEAK_S:g} s") from None
    if process.returncode or len(body) > _SOUND_MAX:
        raise SpeechFailed(f"{command[0]} ended with {process.returncode} after {len(body)} bytes")
    return await asyncio.to_thread(_samples, body, command[0])


def _samples(body: bytes, program: str) -> array[int]:
    try:
        with wave.open(io.BytesIO(body)) as sound:
            if (sound.getnchannels(), sound.getsampwidth()) != (1, 2):
                raise SpeechFailed(f"{program} must write one channel of 16 bits")
            # A program that writes to a pipe cannot know the length in the header: what is there counts.
            rate, raw = sound.getframerate(), sound.readframes(_SOUND_MAX)
    except (wave.Error, EOFError) as error:
        raise SpeechFailed(f"{program} wrote no WAV: {error}") from error
    samples = array("h", raw[: len(raw) // 2 * 2])
    if not samples:
        raise SpeechFailed(f"{program} said nothing")
    return slowed(samples, rate)


def slowed(samples: array[int], rate: int) -> array[int]:
    """The samples at 8,000 a second, each the mean of those that it stands for."""
    if rate <= RATE:
        return samples
    sums = [0, *accumulate(samples)]
    count = len(samples) * RATE // rate
    edges = [place * rate // RATE for place in range(count + 1)]
    return array("h", ((sums[end] - sums[begin]) // (end - begin) for begin, end in pairwise(edges)))


def written_wav(samples: array[int], *, last_s: float = 0.0) -> bytes:
    """A WAV of the samples, again and again with a pause between, until `last_s` is filled."""
    pause = array("h", bytes(2 * int(_PAUSE_S * RATE)))
    whole = pause[: len(pause) // 3] + samples + pause
    times = max(1, -(-int(last_s * RATE) // len(whole)))
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes((whole * times).tobytes())
    return out.getvalue()
