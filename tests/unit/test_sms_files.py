"""Gammu's message files, the words of short messages, and what a reply means."""

from __future__ import annotations

import pytest

from gateway.deliver.sms_file import Received, cut, note_of, parts_of, read_received, reference_of, units, written
from gateway.deliver.sms_modem import ModemState, read_state
from gateway.deliver.sms_reply import code_in, credit_in, plain_number
from gateway.deliver.sms_text import Answer, answer_text, message_text
from gateway.deliver.wording import SHORT_MAX, Notice


def notice(short: str, language: str = "zh") -> Notice:
    return Notice("title", ("line",), short, "", language)


PARTS = [
    pytest.param("火" * 70, ("火" * 70,), id="one_part_full"),
    pytest.param("火" * 71, ("火" * 67, "火" * 4), id="two_parts"),
    pytest.param("火" * 200, ("火" * 67, "火" * 67), id="cut_after_two"),
    pytest.param("火" * 66 + "🔥" * 3, ("火" * 66, "🔥" * 3), id="a_pair_is_not_cut_in_two"),
]


@pytest.mark.parametrize(("text", "parts"), PARTS)
def test_a_text_has_at_most_two_parts(text: str, parts: tuple[str, ...]) -> None:
    assert parts_of(text) == parts


def test_a_surrogate_pair_counts_twice_and_stays_whole() -> None:
    assert units("火🔥") == 3
    assert cut("🔥🔥", 3) == "🔥"


def test_a_message_of_one_part_asks_for_a_report_and_carries_its_note() -> None:
    body = written("+8613800138000", "火警", 7, "bm90ZQ==")
    assert note_of(body) == "bm90ZQ=="
    text = body.decode("ascii")
    assert "PDU = Status_Report" in text
    assert 'Number = "+8613800138000"' in text
    assert "Text00 = 706B8B66" in text
    assert "UDH" not in text


def test_the_parts_of_a_message_are_joined_by_their_headers() -> None:
    text = written("10", "火" * 71, 0x1A7, "").decode("ascii")
    assert [line for line in text.splitlines() if line.startswith("UDH")] == [
        "UDH = 050003A70201",
        "UDH = 050003A70202",
    ]


def test_the_reference_is_the_first_in_the_file() -> None:
    body = b"; note\n\n[SMSBackup000]\nMessageReference = 255\n\n[SMSBackup000]\nMessageReference = 0\n"
    assert reference_of(body) == 255
    assert reference_of(b"; nothing\n") == 0


INBOX = "; 27\nPDU = Deliver\nText00 = 00320037\nCoding = Unicode_No_Compression\nMessageReference = 0\n\n"


def test_a_message_of_two_parts_is_read_as_one() -> None:
    body = f"[SMSBackup000]\n{INBOX}[SMSBackup001]\n{INBOX}"
    received = read_received("IN20261122_211300_00_+8613800138000_00.txt", body.encode())
    assert received == Received("+8613800138000", "2727")


def test_the_number_is_that_of_the_name_not_of_a_line_in_the_text() -> None:
    forged = '[SMSBackup000]\nNumber = "+8613800138000"\n' + INBOX
    received = read_received("IN20261122_211300_00_+8699_00.txt", forged.encode())
    assert received is not None
    assert received.number == "+8699"


def test_lines_in_comments_are_no_fields() -> None:
    body = "[SMSBackup000]\n; PDU = Status_Report\n; MessageReference = 7\n" + INBOX
    received = read_received("IN20261122_211300_00_+8699_00.txt", body.encode())
    assert received == Received("+8699", "27")


UNREADABLE = [
    pytest.param("IN20261122_211300_00_+8699_00.txt", b"27", id="plain_format"),
    pytest.param("notes.txt", INBOX.encode(), id="another_file"),
    pytest.param("IN20261122_211300_00_+8699_00.txt", b"\xff\xfe\x00", id="binary"),
]


@pytest.mark.parametrize(("name", "body"), UNREADABLE)
def test_what_is_no_message_is_none(name: str, body: bytes) -> None:
    assert read_received(name, body) is None


def test_a_binary_message_has_no_text() -> None:
    body = "[SMSBackup000]\nPDU = Deliver\nText00 = 00320037\nCoding = 8bit\n"
    assert read_received("IN20261122_211300_00_+8699_00.bin", body.encode()) == Received("+8699", "")


CODES = [
    pytest.param("27", "27", id="alone"),
    pytest.param(" 27。\n", "27", id="with_signs"),
    pytest.param("２７", "27", id="full_width"),
    pytest.param("回复27接手", "27", id="with_our_own_words"),
    pytest.param("27号接手", "27", id="number_and_word"),
    pytest.param("Reply 27", "27", id="english"),
    pytest.param("27不是我", "", id="denied"),
    pytest.param("27 27", "", id="twice"),
    pytest.param("127", "", id="three_digits"),
    pytest.param("7", "", id="one_digit"),
    pytest.param("2 7", "", id="apart"),
    pytest.param("误报27", "", id="a_verdict_is_no_reply"),
    pytest.param("复位 27", "", id="a_reset_is_no_reply"),
    pytest.param("", "", id="empty"),
    pytest.param("٢٧", "", id="other_digits"),
]


@pytest.mark.parametrize(("text", "code"), CODES)
def test_a_reply_is_two_digits_and_nothing_else_that_means_anything(text: str, code: str) -> None:
    assert code_in(text) == code


NUMBERS = [
    pytest.param("+86 138-0013-8000", "13800138000", id="international"),
    pytest.param("008613800138000", "13800138000", id="with_zeros"),
    pytest.param("8613800138000", "13800138000", id="bare_country"),
    pytest.param("13800138000", "13800138000", id="mobile"),
    pytest.param("10086", "10086", id="operator"),
    pytest.param("+4917012345678", "4917012345678", id="abroad"),
]


@pytest.mark.parametrize(("number", "plain"), NUMBERS)
def test_one_number_in_all_its_spellings(number: str, plain: str) -> None:
    assert plain_number(number) == plain


CREDIT = [
    pytest.param("【中国移动】尊敬的客户，您的余额不足10元，请及时充值。", False, id="nearly_used_up"),
    pytest.param("您的号码已欠费停机", False, id="cut_off"),
    pytest.param("您好，您已充值成功50元。", True, id="mended"),
    pytest.param("您的号码因欠费停机，缴费成功后即可恢复。现已缴费成功", True, id="mended_wins"),
    pytest.param("充值100元送20元流量，回复KT办理", None, id="advertisement"),
]


@pytest.mark.parametrize(("text", "mended"), CREDIT)
def test_what_an_operator_says_of_the_credit(text: str, mended: bool | None) -> None:
    assert credit_in(text) is mended


def test_the_code_stands_behind_what_is_urgent_in_one_part_where_it_fits() -> None:
    text = message_text(notice("【火警】204 感烟 02:14:05"), "27")
    assert text == "【火警】204 感烟 02:14:05 回27接手"
    assert len(parts_of(text)) == 1
    longest = message_text(notice("火" * SHORT_MAX), "27")
    assert "".join(parts_of(longest)).endswith(" 回27接手")


def test_a_message_without_a_code_asks_for_no_reply() -> None:
    assert message_text(notice("over"), "") == "over"
    assert message_text(notice("[FIRE] 204", "en"), "27") == "[FIRE] 204 Reply 27"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("answer", list(Answer), ids=[answer.value for answer in Answer])
def test_an_answer_is_one_part(answer: Answer, language: str) -> None:
    assert len(parts_of(answer_text(answer, "27", language))) == 1


def test_the_monitor_says_how_the_modem_is() -> None:
    line = "Gammu 1.42.0 on Linux, kernel 6.1;;999999999999999;994299429942994;1;2;3;100;42"
    assert read_state(line) == ModemState("999999999999999", 42)


@pytest.mark.parametrize("line", ["", "Failed to get status", "a;b;c;d;e;f;g;h;i"], ids=["empty", "words", "letters"])
def test_another_line_is_no_state(line: str) -> None:
    assert read_state(line) is None
