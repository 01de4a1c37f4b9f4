"""The clouds' signatures against the examples in their documents."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.deliver.cloud_signing import aliyun_headers, tencent_headers


def test_aliyun_signs_as_in_the_example_of_its_document() -> None:
    """Alibaba Cloud, V3 版本请求体 & 签名机制: RunInstances with fixed values."""
    query = {"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}
    headers = aliyun_headers(
        "ecs.cn-shanghai.aliyuncs.com",
        "RunInstances",
        "2014-05-26",
        query,
        ("YourAccessKeyId", "YourAccessKeySecret"),
        datetime(2023, 10, 26, 10, 22, 32, tzinfo=UTC),
        "3156853299f313e23d1673dc12e1703d",
    )
    signature = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    assert headers["Authorization"].endswith(f",Signature={signature}")
    assert headers["x-acs-date"] == "2023-10-26T10:22:32Z"


def test_tencent_signs_as_in_the_example_of_its_document() -> None:
    """Tencent Cloud, 签名方法 v3: DescribeInstances; the document's keys are asterisks, and it signs with them."""
    headers = tencent_headers(
        "cvm.tencentcloudapi.com",
        "cvm",
        "DescribeInstances",
        "2017-03-12",
        "ap-guangzhou",
        b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}',
        ("AKID" + 32 * "*", 32 * "*"),
        datetime.fromtimestamp(1551113065, UTC),
    )
    signature = "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"
    assert headers["Authorization"].endswith(f", SignedHeaders=content-type;host;x-tc-action, Signature={signature}")
    assert "/2019-02-25/cvm/tc3_request" in headers["Authorization"]
