"""RTSP without sockets: messages, authentication, descriptions, key frames; and what is malformed ends in RtspError."""

from __future__ import annotations

import random
import struct

import pytest

from devices.rtp import KeyFrame, RtpPacket, jpeg_head, read_rtp
from devices.rtsp import (
    BODY_MAX,
    HEAD_MAX,
    Answer,
    Interleaved,
    Reader,
    RtspError,
    holds_password,
    read_address,
    request,
)
from devices.rtsp_auth import Challenge, Credentials, authorization, choose, read_challenges
from devices.sdp import Track, video_track

OK = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 4\r\n\r\nbody"
MUFASA = Credentials("Mufasa", "Circle Of Life")


# messages


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_answers_and_packets_are_found_however_the_bytes_come(size: int) -> None:
    stream = OK + b"$\x00\x00\x03abc" + b"\r\n" + b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n" + b"$\x01\x00\x00" + OK
    reader = Reader()
    found = [item for start in range(0, len(stream), size) for item in reader.feed(stream[start : start + size])]
    answer = Answer(200, "OK", {"cseq": ("2",), "content-length": ("4",)}, b"body")
    assert found == [answer, Interleaved(0, b"abc"), Interleaved(1, b""), answer]


@pytest.mark.parametrize(
    ("received", "words"),
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", "not an RTSP answer", id="web-server"),
        pytest.param(b"SSH-2.0-OpenSSH_9", "begins with b'SSH-2'", id="ssh-server-at-once"),
        pytest.param(b"\x16\x03\x01\x02\x00", "begins with", id="tls-at-once"),
        pytest.param(b"RTSP/1.0 twohundred OK\r\n\r\n", "not an RTSP answer", id="status-word"),
        pytest.param(b"RTSP/1.0 200 OK\r\nno header\r\n\r\n", "not a header", id="header-without-colon"),
        pytest.param(b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n", "is no number", id="negative-length"),
        pytest.param(b"RTSP/1.0 200 OK\r\nContent-Length: 99999\r\n\r\n", f"limit is {BODY_MAX}", id="long-body"),
        pytest.param(b"RTSP/1.0 200 OK\r\nX: " + b"a" * HEAD_MAX, "longer than", id="long-head"),
    ],
)
def test_what_is_no_rtsp_is_refused_with_words(received: bytes, words: str) -> None:
    with pytest.raises(RtspError, match=words):
        Reader().feed(received)


def test_damaged_bytes_end_in_rtsp_error_only() -> None:
    chance = random.Random(7)
    refused = 0
    for _ in range(4000):
        stream = bytearray(OK + b"$\x00\x00\x10" + bytes(range(16)) + OK)
        for _ in range(chance.randrange(1, 6)):
            stream[chance.randrange(len(stream))] = chance.randrange(256)
        try:
            for item in Reader().feed(bytes(stream)):
                if isinstance(item, Interleaved):
                    read_rtp(item.payload)
                else:
                    read_challenges(item.headers.get("www-authenticate", ()))
                    video_track(item.body, "rtsp://c/")
        except RtspError:
            refused += 1
    assert refused > 500


def test_a_request_is_one_request_whatever_the_camera_described() -> None:
    assert request("OPTIONS", "rtsp://c/", 1) == (
        b"OPTIONS rtsp://c/ RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: anlian-gateway\r\n\r\n"
    )
    for uri, session in (("rtsp://c/a\r\nX: 1", "1"), ("rtsp://c/a b", "1"), ("rtsp://c/", "1\r\nTEARDOWN *")):
        with pytest.raises(RtspError):
            request("SETUP", uri, 1, {"Session": session})


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("rtsp://admin:geheim@10.0.0.1/1", "a user name or a password"),
        ("rtsp://admin@10.0.0.1/1", "a user name or a password"),
        ("http://10.0.0.1/1", "not an rtsp address"),
        ("rtsp:///1", "not an rtsp address"),
        ("rtsp://10.0.0.1:99999/1", "not an address"),
        ("rtsp://10.0.0.1:0/1", "port 0"),
        ("rtsp://10.0.0.1/a b", "not an rtsp address"),
        ("rtsp://10.0.0.1/a\nb", "not an rtsp address"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_its_password(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        read_address(url)
    assert "geheim" not in str(caught.value)


def test_an_address_and_its_port() -> None:
    assert (read_address("rtsp://cam.local/1").port, read_address("rtsp://[fe80::1]:8554/1").host) == (554, "fe80::1")
    assert holds_password("rtsp://10.0.0.1/user=admin&password=123&channel=1")
    assert not holds_password("rtsp://10.0.0.1/user=&password=&channel=1")


# authentication: the examples of the RFCs


def test_digest_as_in_rfc_2617_section_3_5() -> None:
    challenge = Challenge(
        "digest", "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", qop="auth,auth-int",
        opaque="5ccc069c403ebaf9f0171e9517f40e41",
    )  # fmt: skip
    said = authorization(challenge, MUFASA, "GET", "/dir/index.html", 1, "0a4f113b")
    assert 'response="6629fae49393a05397450978507c4ef1"' in said
    assert "qop=auth, nc=00000001" in said and 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in said
    assert "Circle" not in said


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_digest_as_in_rfc_7616_section_3_9_1(algorithm: str, response: str) -> None:
    challenge = Challenge(
        "digest", "http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", algorithm, "auth, auth-int"
    )
    said = authorization(
        challenge, Credentials("Mufasa", "Circle of Life"), "GET", "/dir/index.html", 1,
        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )  # fmt: skip
    assert f'response="{response}"' in said


def test_digest_of_old_firmware_without_qop_names_nothing_that_was_not_named() -> None:
    said = authorization(Challenge("digest", "r", "n"), Credentials("u", "w"), "DESCRIBE", "rtsp://c/", 1, "c")
    assert "qop" not in said and "cnonce" not in said and "algorithm" not in said


CHALLENGES = [
    pytest.param(('Digest realm="r", nonce="n"', 'Basic realm="r"'), "digest MD5", id="digest-before-basic"),
    pytest.param(('Basic realm="r", Digest realm="a, b", nonce="n"',), "digest MD5", id="both-in-one-header"),
    pytest.param(
        ('Digest realm="r", nonce="n", algorithm=MD5', 'Digest realm="r", nonce="n", algorithm=SHA-256'),
        "digest SHA-256",
        id="the-stronger-hash",
    ),
    pytest.param(('Digest realm="r", nonce="n", qop="auth-int"',), None, id="auth-int-alone"),
    pytest.param(('Digest realm="r", nonce="n", algorithm=SHA-512-256',), None, id="unknown-hash"),
    pytest.param(('Digest realm="r"',), None, id="no-nonce"),
    pytest.param(('Basic realm="r"',), None, id="basic-is-not-answered"),
    pytest.param(("Negotiate",), None, id="something-else"),
    pytest.param(("=,=\"",), None, id="garbage"),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "chosen"), CHALLENGES)
def test_the_strongest_challenge_is_answered(headers: tuple[str, ...], chosen: str | None) -> None:
    found = choose(read_challenges(headers), basic_allowed=False)
    assert (f"{found.scheme} {found.algorithm}" if found else None) == chosen


def test_basic_is_answered_only_where_it_is_allowed() -> None:
    challenges = read_challenges(('Basic realm="r"',))
    basic = choose(challenges, basic_allowed=True)
    assert basic is not None
    assert authorization(basic, Credentials("u", "w"), "DESCRIBE", "rtsp://c/", 1, "") == "Basic dTp3"
    assert choose([*challenges, Challenge("digest", "r", "n")], basic_allowed=True) == Challenge("digest", "r", "n")


def test_credentials_do_not_show_their_password() -> None:
    assert "Circle" not in repr(MUFASA)


# descriptions

SDP = b"""v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=Media\r\na=control:*\r\nm=audio 0 RTP/AVP 8\r\na=control:trackID=2\r
m=video 0 RTP/AVP 96 97\r\na=rtpmap:97 VP8/90000\r\na=rtpmap:96 H264/90000\r
a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0LAHtkA,aM4yyA==\r\na=control:trackID=1\r
m=video 0 RTP/AVP 26\r
"""


def test_the_video_of_a_description() -> None:
    track = video_track(SDP, "rtsp://c/cam?channel=1")
    sets = (bytes.fromhex("6742c01ed900"), bytes.fromhex("68ce32c8"))
    assert track == Track("rtsp://c/cam?channel=1/trackID=1", 96, "H264", 90_000, sets)


@pytest.mark.parametrize(
    ("body", "base", "control", "encoding"),
    [
        (b"m=video 0 RTP/AVP 26\r\n", "rtsp://c/", "rtsp://c/", "JPEG"),
        (b"m=video 0 RTP/AVP 96\na=control:rtsp://c/x/1\n", "rtsp://c/", "rtsp://c/x/1", ""),
        (
            b"a=control:rtsp://c/y\nm=video 0 RTP/AVP 96\na=control:1\na=rtpmap:96 h265/90000",
            "",
            "rtsp://c/y/1",
            "H265",
        ),
        (b"m=video 0 RTP/AVP 96\na=fmtp:96 sprop-sps=%%%\na=rtpmap:96 H265/0\n", "rtsp://c/", "rtsp://c/", ""),
    ],
    ids=["static-format", "address-of-its-own", "address-of-the-session", "unreadable-parts"],
)
def test_other_descriptions(body: bytes, base: str, control: str, encoding: str) -> None:
    track = video_track(body, base)
    assert track is not None
    assert (track.control, track.encoding, track.parameter_sets) == (control, encoding, ())


@pytest.mark.parametrize(
    "body", [b"", b"m=audio 0 RTP/AVP 8\r\n", b"\xff\x00", b"m=video\r\n", b"m=video 0 RTP/AVP 999"]
)
def test_a_description_without_video(body: bytes) -> None:
    assert video_track(body, "rtsp://c/") is None


# packets and key frames


def rtp(payload: bytes, sequence: int, timestamp: int = 0, marker: bool = False) -> RtpPacket:
    return RtpPacket(96, marker, sequence & 0xFFFF, timestamp, payload)


def test_a_packet_with_sources_extension_and_padding() -> None:
    head = struct.pack("!BBHII", 0xB1, 0xE0, 7, 90_000, 1) + b"src1" + b"\xbe\xde\x00\x01extn"
    assert read_rtp(head + b"video\x00\x02") == RtpPacket(96, True, 7, 90_000, b"video")


@pytest.mark.parametrize(
    "packet", [b"", b"\x80" * 11, b"\x40" + b"\0" * 11, b"\x8f" + b"\0" * 11, b"\x90" + b"\0" * 12]
)
def test_a_broken_packet_is_refused(packet: bytes) -> None:
    with pytest.raises(RtspError):
        read_rtp(packet)


def test_a_key_frame_of_h264_from_all_kinds_of_packets() -> None:
    frame = KeyFrame(Track("", 96, "H264", 90_000, (b"\x67out",)))
    packets = [
        rtp(b"\x41old", 65533, 1, True),
        rtp(b"\x78\x00\x03\x67in\x00\x02\x68p", 65534, 2),
        rtp(b"\x7c\x85one", 65535, 2),
        rtp(b"\x7c\x05two", 0, 2),
        rtp(b"\x7c\x45three", 1, 2, True),
    ]
    found = [frame.take(packet) for packet in packets]
    start = b"\0\0\0\1"
    assert found == [None] * 4 + [
        start + b"\x67out" + start + b"\x67in" + start + b"\x68p" + start + b"\x65onetwothree"
    ]


@pytest.mark.parametrize("lost", [1, 2])
def test_a_key_frame_with_a_lost_packet_is_none(lost: int) -> None:
    frame = KeyFrame(Track("", 96, "H264", 90_000))
    packets = [
        rtp(b"\x41old", 0, 1, True),
        rtp(b"\x7c\x85a", 1, 2),
        rtp(b"\x7c\x05b", 2, 2),
        rtp(b"\x7c\x45c", 3, 2, True),
    ]
    assert [frame.take(packet) for place, packet in enumerate(packets) if place != lost][-1] is None
    assert frame.take(rtp(b"\x65whole", 4, 3, True)) == b"\0\0\0\1\x65whole"


def test_a_key_frame_of_h265() -> None:
    frame = KeyFrame(Track("", 96, "H265", 90_000, (b"\x40\x01vps",)))
    assert frame.take(rtp(b"\x60\x01\x00\x03\x42\x01s\x00\x03\x44\x01p", 1, 2)) is None
    assert frame.take(rtp(b"\x62\x01\x93one", 2, 2)) is None
    whole = frame.take(rtp(b"\x62\x01\x53two", 3, 2, True))
    start = b"\0\0\0\1"
    assert whole == start + b"\x40\x01vps" + start + b"\x42\x01s" + start + b"\x44\x01p" + start + b"\x26\x01onetwo"


@pytest.mark.parametrize("encoding", ["H264", "H265", "JPEG", "VP8"])
def test_any_bytes_are_no_key_frame_and_no_exception(encoding: str) -> None:
    chance = random.Random(3)
    frame = KeyFrame(Track("", 96, encoding, 90_000))
    for sequence in range(5000):
        taken = frame.take(rtp(chance.randbytes(chance.randrange(40)), sequence, sequence // 4, sequence % 4 == 3))
        assert taken is None or isinstance(taken, bytes)


def test_a_frame_that_never_ends_is_given_up() -> None:
    frame = KeyFrame(Track("", 96, "H264", 90_000))
    frame.take(rtp(b"\x7c\x85" + b"a" * 60_000, 0, 1))
    for sequence in range(1, 80):
        frame.take(rtp(b"\x7c\x05" + b"a" * 60_000, sequence, 1))
    assert frame.take(rtp(b"\x7c\x45end", 80, 1, True)) is None


def test_the_head_of_a_jpeg_with_standard_tables() -> None:
    found = jpeg_head(bytes((0, 0, 0, 0, 1, 50, 40, 30)) + b"scan")
    assert found is not None
    offset, head, scan = found
    assert (offset, scan) == (0, b"scan")
    assert (
        head.startswith(b"\xff\xd8\xff\xdb\x00\x43\x00\x10\x0b\x0c") and b"\xff\xc0\x00\x11\x08\x00\xf0\x01\x40" in head
    )
    assert jpeg_head(bytes((0, 0, 0, 0, 2, 50, 40, 30))) is None, "a type that nobody defined"
