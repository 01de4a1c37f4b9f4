"""What a call says: its words, and the sound that espeak-ng makes of them, as a telephone takes it."""

from __future__ import annotations

import io
import math
import sys
import wave
from array import array
from itertools import pairwise

import pytest

from gateway.deliver.speech import RATE, SpeechFailed, slowed, sound_of, spoken_text, thanks_text, written_wav
from gateway.deliver.wording import Notice

ESPEAK = ("espeak-ng", "-s", "150", "--stdin", "--stdout", "-v")


def notice(language: str, *lines: str) -> Notice:
    return Notice(lines[0], lines, "", "", language)


def test_a_call_says_what_where_and_the_key() -> None:
    lines = ("【火警】感烟探测器报警", "地点：九九养老院 东区 204 烟感", "时间：02:14", "数值：1")
    text = spoken_text(notice("zh", *lines))
    assert text == "，火警，感烟探测器报警。 地点，九九养老院 东区 2 0 4 烟感。 按1键，表示由您接手。"
    english = spoken_text(notice("en", "[FIRE] Smoke alarm", "Where: East wing, 1204"))
    assert english == ", FIRE,  Smoke alarm. Where: East wing, 1 2 0 4. Press 1 to take it on."


@pytest.mark.parametrize(("language", "voice"), [("zh", "cmn"), ("en", "en")], ids=["zh", "en"])
async def test_espeak_says_it(language: str, voice: str) -> None:
    samples = await sound_of(thanks_text(language), (*ESPEAK, voice))
    seconds = len(samples) / RATE
    assert 1.0 < seconds < 10.0
    assert max(samples) > 3000


FAILURES = [
    pytest.param(("no-such-program",), "no-such-program cannot be run: No such file", id="missing"),
    pytest.param(("false",), "false ended with 1 after 0 bytes", id="fails"),
    pytest.param(("true",), "true wrote no WAV", id="nothing"),
    pytest.param(("cat",), "cat wrote no WAV", id="no_wav"),
]


@pytest.mark.parametrize(("command", "words"), FAILURES)
async def test_a_program_that_does_not_speak_says_why(command: tuple[str, ...], words: str) -> None:
    with pytest.raises(SpeechFailed, match=words):
        await sound_of("火警", command)


STEREO = """
import sys, wave
with wave.open(sys.stdout.buffer, "wb") as sound:
    sound.setparams((2, 2, 8000, 0, "NONE", ""))
    sound.writeframes(bytes(8))
"""


async def test_a_stereo_sound_is_refused() -> None:
    with pytest.raises(SpeechFailed, match="one channel of 16 bits"):
        await sound_of("火警", (sys.executable, "-c", STEREO))


def tone(rate: int, hertz: float) -> array[int]:
    return array("h", (int(10_000 * math.sin(2 * math.pi * hertz * place / rate)) for place in range(rate)))


def loudness(samples: array[int]) -> float:
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples))


def test_a_sound_keeps_its_length_and_its_pitch_at_another_rate() -> None:
    samples = slowed(tone(22_050, 500), 22_050)
    crossings = sum(1 for before, after in pairwise(samples) if before < 0 <= after)
    assert len(samples) == RATE
    assert crossings == pytest.approx(500, abs=1)
    assert loudness(samples) == pytest.approx(loudness(tone(RATE, 500)), rel=0.05)


def test_what_is_too_high_for_a_telephone_is_mostly_taken_away_not_folded_down() -> None:
    assert loudness(slowed(tone(22_050, 8000), 22_050)) < 0.3 * loudness(tone(22_050, 8000))


def test_a_message_is_repeated_with_pauses_until_the_call_ends() -> None:
    sound = array("h", [1000] * RATE)
    with wave.open(io.BytesIO(written_wav(sound, last_s=10.0))) as written:
        assert (written.getnchannels(), written.getsampwidth(), written.getframerate()) == (1, 2, RATE)
        assert written.getnframes() / RATE == pytest.approx(12.0)
        samples = array("h", written.readframes(written.getnframes()))
    begins = [place for place in range(1, len(samples)) if samples[place] and not samples[place - 1]]
    assert [round(place / RATE, 1) for place in begins] == [0.5, 3.5, 6.5, 9.5]


def test_a_message_is_said_at_least_once() -> None:
    with wave.open(io.BytesIO(written_wav(array("h", [1] * RATE)))) as written:
        assert written.getnframes() == 3 * RATE
