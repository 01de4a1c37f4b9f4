"""A telephone that is called: sipp as the other side, which answers or does not, and presses keys."""

from __future__ import annotations

import shutil
import signal
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.servers import wait_until

_REPLY = """<send{again}><![CDATA[
SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
{body}
]]></send>"""
_TAG = ";tag=[pid]callee[call_number]"
_SOUND = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=callee 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
"""
_SILENT = "Content-Length: 0\n"
_INFO = """<send retrans="500"><![CDATA[
INFO sip:anlian@127.0.0.1 SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From[$to];tag=[pid]callee[call_number]
To[$from]
[last_Call-ID:]
CSeq: 2 INFO
Max-Forwards: 70
Content-Type: application/dtmf-relay
Content-Length: [len]

Signal={key}
Duration=160
]]></send><recv response="200"/>"""


def _reply(status: str, body: str = _SILENT, *, tag: str = "", again: bool = False) -> str:
    return _REPLY.format(status=status, body=body, tag=tag, again=' retrans="500"' if again else "")


def _recv(request: str, milliseconds: int = 0) -> str:
    limit = f' timeout="{milliseconds}"' if milliseconds else ""
    return f'<recv request="{request}"{limit}/>'


_INVITED = """<recv request="INVITE"><action>
<ereg regexp=".*" search_in="hdr" header="From" assign_to="from"/>
<ereg regexp=".*" search_in="hdr" header="To" assign_to="to"/>
</action></recv><Reference variables="from,to"/>"""
_PICKED_UP = (
    _INVITED,
    _reply("180 Ringing", tag=_TAG),
    '<pause milliseconds="200"/>',
    _reply("200 OK", _SOUND, tag=_TAG, again=True),
    _recv("ACK"),
    '<pause milliseconds="400"/>',
)
_HUNG_UP_ON = (_recv("BYE", 20_000), _reply("200 OK"))


def presses_by_info(key: str) -> Iterable[str]:
    """Picks up and presses a key, which the telephone sends as SIP INFO."""
    return (*_PICKED_UP, _INFO.format(key=key), *_HUNG_UP_ON)


def presses_by_rtp(key: str, folder: Path) -> Iterable[str]:
    """Picks up and presses a key, which the telephone sends in RTP (RFC 4733, before it RFC 2833)."""
    sound = folder / "key.pcap"
    sound.write_bytes(_key_capture(int(key)))
    return (*_PICKED_UP, f'<nop><action><exec play_pcap_audio="{sound}"/></action></nop>', *_HUNG_UP_ON)


def says_nothing() -> Iterable[str]:
    """Picks up and listens, until it is hung up on."""
    return (*_PICKED_UP, *_HUNG_UP_ON)


def hangs_up() -> Iterable[str]:
    """Picks up and hangs up at once."""
    bye = """<send retrans="500"><![CDATA[
BYE sip:anlian@127.0.0.1 SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From[$to];tag=[pid]callee[call_number]
To[$from]
[last_Call-ID:]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send><recv response="200"/>"""
    return (*_PICKED_UP, bye)


def refuses(status: str) -> Iterable[str]:
    """Does not take the call: `486 Busy Here`, `603 Decline`, …"""
    return (_INVITED, _reply(status, tag=_TAG, again=True), _recv("ACK"))


def turns_registrations_away(status: str) -> Iterable[str]:
    """A trunk that knows nobody."""
    return (_recv("REGISTER"), _reply(status, tag=_TAG), '<pause milliseconds="100"/>')


def rings() -> Iterable[str]:
    """Rings, and nobody is there."""
    return (
        _INVITED,
        _reply("180 Ringing", tag=_TAG),
        _recv("CANCEL", 20_000),
        _reply("200 OK"),
        '<pause milliseconds="50"/>',
    )


def calls_back() -> Iterable[str]:
    """Calls the line, and is told that it is busy; lets us know by ending well."""
    invite = """<send retrans="500"><![CDATA[
INVITE sip:anlian@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:13800138001@[local_ip]:[local_port]>;tag=[pid]caller[call_number]
To: <sip:anlian@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:13800138001@[local_ip]:[local_port]>
Max-Forwards: 70
""" + _SOUND + "]]></send>"
    ack = """<send><![CDATA[
ACK sip:anlian@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:13800138001@[local_ip]:[local_port]>;tag=[pid]caller[call_number]
To: <sip:anlian@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>"""
    rings = (f'<recv response="{status}" optional="true"/>' for status in (100, 180))
    return (invite, *rings, '<recv response="486" timeout="8000"/>', ack)


class Callee:
    """sipp with one of these scenarios, for so many calls."""

    def __init__(
        self, folder: Path, port: int, scenario: Iterable[str], calls: int = 1, *, to: int = 0
    ) -> None:
        """`to`: the port that it calls, where it calls."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._port = port
        self._calls = calls
        self._to = [f"127.0.0.1:{to}"] if to else []
        text = "\n".join(scenario)
        (folder / "callee.xml").write_text(f'<?xml version="1.0"?>\n<scenario name="callee">\n{text}\n</scenario>\n')
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Callee:
        binary = shutil.which("sipp") or "/usr/bin/sipp"
        arguments = ["-sf", "callee.xml", "-i", "127.0.0.1", "-p", str(self._port), "-m", str(self._calls), "-nostdin"]
        self.process = subprocess.Popen(
            [binary, *self._to, *arguments, "-mp", str(self._port + 2), "-trace_msg", "-message_file", "messages.log"],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._is_bound, what="sipp listens")
        return self

    def _is_bound(self) -> bool:
        """Whether its UDP port is taken, by the kernel's list."""
        wanted = f":{self._port:04X} "
        return wanted in Path("/proc/net/udp").read_text("ascii")

    def messages(self) -> str:
        """Everything that went over the wire."""
        path = self._folder / "messages.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(10)
        self.process = None


def _key_capture(key: int) -> bytes:
    """A capture of one pressed key as telephone events of payload type 101, 200 ms long."""
    packets = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for number in range(10):
        event = struct.pack(">BBH", key, 10 | (0x80 if number >= 7 else 0), 160 * min(number + 1, 8))
        rtp = struct.pack(">BBHII", 0x80, 101 | (0x80 if number == 0 else 0), 1000 + number, 8000, 0x1234) + event
        udp = struct.pack(">HHHH", 17000, 16000, 8 + len(rtp), 0) + rtp
        loopback = b"\x7f\x00\x00\x01"
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0, loopback, loopback) + udp
        frame = bytes(12) + b"\x08\x00" + ip
        packets.append(struct.pack("<IIII", 1, number * 20_000, len(frame), len(frame)) + frame)
    return b"".join(packets)
