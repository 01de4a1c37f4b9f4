"""What a video platform answers, read exactly or refused; never anything but its two errors."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from devices.codec import DecodeError
from devices.wvp import Item, Page, Refused, login_query, read_channels, read_devices, read_token


def answer(*entries: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"code": 0, "msg": "成功", "data": {"total": len(entries), "list": entries, **more}}).encode()


STATES = [
    (True, True), (False, False), (1, True), (0, False), ("ON", True), ("on", True), ("OFF", False), ("1", True),
    ("OFFLINE", False), ("VLOST", False), (None, None), ("", None),
]  # fmt: skip


@pytest.mark.parametrize(("said", "on_line"), STATES, ids=[repr(said) for said, _ in STATES])
def test_states_of_all_releases(said: object, on_line: bool | None) -> None:
    assert read_channels(200, answer({"deviceId": "1", "status": said})).items == (Item(("1",), on_line),)


def test_a_channel_goes_by_its_own_code_in_both_forms() -> None:
    new = {"deviceId": "34020000001310000001", "gbDeviceId": "34020000001310000009", "status": "ON"}
    old = {"channelId": "34020000001310000001", "deviceId": "34020000001180000001", "status": 1}
    (first, second) = read_channels(200, answer(new, old)).items
    assert first.codes == ("34020000001310000001", "34020000001310000009")
    assert second.codes == ("34020000001310000001",), "not its device's"


def test_an_answer_without_envelope() -> None:
    body = b'{"total": 3, "list": [{"deviceId": "1", "online": 1}]}'
    assert read_devices(200, body) == Page(3, (Item(("1",), True),))


def test_tokens() -> None:
    assert read_token(200, b'{"code":0,"data":{"accessToken":"abc"}}') == "abc"
    assert read_token(200, b'{"code":0,"data":{"username":"x"}}', "header") == "header"


def test_the_password_goes_as_its_digest() -> None:
    assert login_query("admin", "admin") == {"username": "admin", "password": "21232f297a57a5a743894a0e4a801fc3"}


REFUSED = [
    (200, b'{"code":100,"msg":"x","data":null}', False),
    (200, b'{"code":401,"msg":"x"}', True),
    (401, b'{"code":401,"msg":"x"}', True),
    (401, b"", True),
    (401, b'{"code":-1}', True),
    (500, b"<html>", False),
    (404, b'{"total":0,"list":[]}', False),
]


@pytest.mark.parametrize(("status", "body", "not_let_in"), REFUSED)
def test_errors_whatever_the_status_says(status: int, body: bytes, not_let_in: bool) -> None:
    with pytest.raises(Refused) as caught:
        read_devices(status, body)
    assert caught.value.not_let_in is not_let_in


UNREAD = {
    "data.list:": b'{"code":0,"data":{"total":1}}',
    "data.total:": b'{"code":0,"data":{"list":[]}}',
    "data.list[0]:": b'{"code":0,"data":{"total":1,"list":[7]}}',
    "data.list[0].deviceId:": b'{"code":0,"data":{"total":1,"list":[{"onLine":true}]}}',
    "data.list[0].onLine:": b'{"code":0,"data":{"total":1,"list":[{"deviceId":"1","onLine":"perhaps"}]}}',
    "answer:": b"<html>",
}


@pytest.mark.parametrize(("field", "body"), UNREAD.items(), ids=UNREAD)
def test_what_cannot_be_read_names_its_field(field: str, body: bytes) -> None:
    with pytest.raises(DecodeError, match=f"^{field.replace('[', '.').replace(']', '.')}"):
        read_devices(200, body)


def test_a_missing_token_shows_no_values() -> None:
    with pytest.raises(DecodeError) as caught:
        read_token(200, b'{"code":0,"data":{"password":"hunter2"}}')
    assert "hunter2" not in str(caught.value)


def test_nothing_but_its_two_errors_comes_of_any_answer() -> None:
    chance = random.Random(28181)
    good = answer({"deviceId": "34020000001310000001", "status": "ON", "onLine": True})
    told = 0
    for _ in range(3000):
        body = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        for read in (read_devices, read_channels, read_token):
            try:
                read(chance.choice((200, 401, 500)), bytes(body[: chance.randint(0, len(body))]))
            except (DecodeError, Refused) as error:
                told += bool(str(error))
    assert told > 3000, "what is broken is told, in words"
