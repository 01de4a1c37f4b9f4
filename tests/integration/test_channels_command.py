"""`anlian channels test`: one marked message, its rungs, and what is wrong in words."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.channels_command import NOT_TAKEN, try_channel
from gateway.devices_command import CommandEnds
from gateway.load import EXIT_CODE
from tests.configuration_world import MAIN, changed, write

WEBHOOK = '\nname = "phone"\nkind = "webhook"\nurl = "https://hook.example.org/x"\n'
SENT = {"Code": "OK", "Message": "OK", "BizId": "900^0"}
DETAIL = {"SendStatus": 3, "ErrCode": "DELIVERED", "ReceiveDate": "2026-11-22 08:15:40"}
DELIVERED = {"Code": "OK", "SmsSendDetailDTOs": {"SmsSendDetailDTO": [DETAIL]}}


class Service(HTTPServer):
    """Answers every action as told and keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Answering)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    """One request."""

    server: Service

    def do_POST(self) -> None:
        self.server.asked.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        status, body = self.server.answers[self.headers.get("x-acs-action") or ""]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' own output stays readable."""


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def settings(folder: Path, kind: str, rest: str) -> Path:
    return write(folder, changed(MAIN, WEBHOOK, f'\nname = "phone"\nkind = "{kind}"\n{rest}'))


def test_one_marked_message_goes_out_and_is_handed_over(tmp_path: Path, service: Service) -> None:
    service.answers[""] = (200, {"id": "n7"})
    lines: list[str] = []
    path = settings(tmp_path, "ntfy", f'url = "{service.url}"\n')
    assert try_channel(path, "phone", "wang-topic", 1.0, lines.append) == 0
    assert [line.split("  ")[0] for line in lines] == ["pending", "sending", "handed over"]
    assert lines[2].endswith(": n7")
    (sent,) = service.asked
    document = json.loads(sent)
    assert document["topic"] == "wang-topic"
    assert document["title"].startswith("【自检】")
    assert "不是报警" in document["message"]


@pytest.mark.parametrize(
    ("status", "body", "address", "rung"),
    [
        pytest.param(403, {"error": "forbidden"}, "wang-topic", "failed", id="refused"),
        pytest.param(503, {"error": "busy"}, "wang-topic", "not taken now", id="busy"),
        pytest.param(200, {"id": "n7"}, "not/a/topic", "failed", id="address"),
    ],
)
def test_a_channel_that_does_not_take_it_says_why(
    tmp_path: Path, service: Service, status: int, body: object, address: str, rung: str
) -> None:
    service.answers[""] = (status, body)
    lines: list[str] = []
    path = settings(tmp_path, "ntfy", f'url = "{service.url}"\n')
    assert try_channel(path, "phone", address, 1.0, lines.append) == NOT_TAKEN
    assert lines[-1].startswith(rung)
    assert len(lines) == 3


CLOUD = 'access_key = "AK"\ntemplate = "T"\nsecret_file = "link-key"\nsign_name = "S"\nreport_every_s = 2.0\n'


def test_what_a_provider_knows_later_is_waited_for(tmp_path: Path, service: Service) -> None:
    service.answers = {"SendSms": (200, SENT), "QuerySendDetails": (200, DELIVERED)}
    lines: list[str] = []
    path = settings(tmp_path, "aliyun-sms", f'url = "{service.url}"\n{CLOUD}')
    assert try_channel(path, "phone", "13800000001", 20.0, lines.append) == 0
    assert [line.split("  ")[0] for line in lines] == ["pending", "sending", "handed over", "delivered"]
    assert "received 2026-11-22 08:15:40" in lines[3]


def test_a_provider_that_tells_nothing_is_not_waited_for_longer(tmp_path: Path, service: Service) -> None:
    service.answers = {"SendSms": (200, SENT)}
    lines: list[str] = []
    path = settings(tmp_path, "aliyun-sms", f'url = "{service.url}"\n{CLOUD}')
    assert try_channel(path, "phone", "13800000001", 0.2, lines.append) == 0
    assert "nothing more is known after 0.2 s" in lines[-1]


@pytest.mark.parametrize(
    ("name", "rest", "words"),
    [
        pytest.param("fone", 'url = "https://n.example"\n', "no channel 'fone'. Did you mean 'phone'?", id="unknown"),
        pytest.param("phone", 'url = "n.example"\n', "channels[1].url: 'n.example' is not", id="faults"),
    ],
)
def test_what_cannot_be_tried_is_said(tmp_path: Path, name: str, rest: str, words: str) -> None:
    with pytest.raises(CommandEnds) as caught:
        try_channel(settings(tmp_path, "ntfy", rest), name, "x", 1.0, print)
    assert caught.value.code == EXIT_CODE
    assert words in str(caught.value)


def test_a_channel_that_cannot_work_is_said(tmp_path: Path) -> None:
    path = settings(tmp_path, "apprise", 'token_file = "link-key"\n')
    with pytest.raises(CommandEnds, match="does not know the URL"):
        try_channel(path, "phone", "x", 1.0, print)
