"""The signatures of two clouds: Alibaba Cloud's ACS3-HMAC-SHA256 and Tencent Cloud's TC3-HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


def aliyun_headers(
    host: str,
    action: str,
    version: str,
    query: Mapping[str, str],
    key: tuple[str, str],
    at: datetime,
    nonce: str,
) -> dict[str, str]:
    """The headers of an RPC call of Alibaba Cloud: POST / with everything in the query and an empty body.

    `key` is the AccessKey's id and secret. Version 3 of the signature: all of host and x-acs-* are signed, and the
    query in the order of its names.
    """
    headers = {
        "host": host,
        "x-acs-action": action,
        "x-acs-content-sha256": EMPTY_SHA256,
        "x-acs-date": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": version,
    }
    canonical_query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(query.items()))
    canonical_headers = "".join(f"{name}:{value}\n" for name, value in headers.items())
    signed = ";".join(headers)
    canonical = f"POST\n/\n{canonical_query}\n{canonical_headers}\n{signed}\n{EMPTY_SHA256}"
    text = f"ACS3-HMAC-SHA256\n{_sha256(canonical.encode())}"
    signature = hmac.new(key[1].encode(), text.encode(), hashlib.sha256).hexdigest()
    authorization = f"ACS3-HMAC-SHA256 Credential={key[0]},SignedHeaders={signed},Signature={signature}"
    return {**{name: value for name, value in headers.items() if name != "host"}, "Authorization": authorization}


def tencent_headers(
    host: str, service: str, action: str, version: str, region: str, body: bytes, key: tuple[str, str], at: datetime
) -> dict[str, str]:
    """The headers of a call of Tencent Cloud: POST / with a JSON body. `key` is SecretId and SecretKey."""
    stamp = str(int(at.timestamp()))
    day = at.astimezone(UTC).strftime("%Y-%m-%d")
    kind = "application/json; charset=utf-8"
    signed = "content-type;host;x-tc-action"
    canonical_headers = f"content-type:{kind}\nhost:{host}\nx-tc-action:{action.lower()}\n"
    canonical = f"POST\n/\n\n{canonical_headers}\n{signed}\n{_sha256(body)}"
    scope = f"{day}/{service}/tc3_request"
    text = f"TC3-HMAC-SHA256\n{stamp}\n{scope}\n{_sha256(canonical.encode())}"
    derived = f"TC3{key[1]}".encode()
    for part in (day, service, "tc3_request"):
        derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(derived, text.encode(), hashlib.sha256).hexdigest()
    authorization = f"TC3-HMAC-SHA256 Credential={key[0]}/{scope}, SignedHeaders={signed}, Signature={signature}"
    headers = {
        "Authorization": authorization,
        "Content-Type": kind,
        "X-TC-Action": action,
        "X-TC-Timestamp": stamp,
        "X-TC-Version": version,
    }
    return {**headers, "X-TC-Region": region} if region else headers


def _quoted(text: str) -> str:
    """Percent-encoding of RFC 3986: everything but letters, digits and -_.~"""
    return quote(text, safe="-_.~")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
