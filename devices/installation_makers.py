"""Installation texts of Chinese makers' devices whose messages are pushed over HTTP."""

from __future__ import annotations

from typing import Final

from devices.installation_text import CLOUD, OPEN, Example, Installation, Words, push_address, push_installation

_TOGETHER: Final = Words(
    "这五个名字（ctwing-aep、oceanconnect-legacy、cn-electrical-fire、wanlin、lian）各自都认得全"
    "部五种报文，按键名区分；选最贴近的即可。",
    "Each of the five names ctwing-aep, oceanconnect-legacy, cn-electrical-fire, wanlin and lian "
    "understands the messages of all five, told apart by their keys: take the nearest.",
)

MAKERS: Final[tuple[Installation, ...]] = (
    push_installation(
        "oceanconnect-legacy",
        Words("OceanConnect（旧平台）", "OceanConnect (the older platform)"),
        Words(
            "deviceDataChanged 等推送：万林 NB306、NB301、水压和水位。",
            "deviceDataChanged and its like: Wanlin NB306, NB301, water pressure and level.",
        ),
        kind="smoke",
        profile="smoke.nb_iot",
        address="10009305",
        steps=(
            OPEN,
            Words(
                "订阅 deviceDataChanged、deviceInfoChanged",
                "subscribe to deviceDataChanged and deviceInfoChanged",
            ),
            push_address("oceanconnect-legacy"),
            Words(
                "address 是数据里的 devId 或 IMEI，不是平台的 deviceId",
                "the address is devId or the IMEI in the data, not the platform's deviceId",
            ),
            Words("先看“未登记”列表，再登记", "look at the list of unregistered devices first"),
        ),
        traps=(
            Words(
                "温度是 10 倍值，已换算；水压水位的数字没有单位说明，只读状态。",
                "Temperatures come times ten and are converted; the numbers of pressure and level have no "
                "stated unit, only their state is read.",
            ),
            Words(
                "自检（devState 5、X10）是自检，不是火警。",
                "A self-test (devState 5, X10) is a test and no fire.",
            ),
            CLOUD,
        ),
        example=Example(
            "push",
            b'{"notifyType":"deviceDataChanged","deviceId":"e917e013","service":{"serviceId":"Report",'
            b'"data":{"devId":"10009305","electricQuantity":98,"devState":1,"temperature":231,"smokesc'
            b'ope":4},"eventTime":"20260301T080000Z"}}',
            "smoke.alarm",
            True,
        ),
    ),
    push_installation(
        "wanlin",
        Words("万林云（Wanlin）", "Wanlin's cloud (万林)"),
        Words(
            "烟感、报警主机及其防区、燃气切断阀、智慧用电。",
            "Smoke detectors, alarm hosts with their zones, gas shut-off, electrical monitors.",
        ),
        kind="gas",
        profile="gas.nb_iot",
        address="361000000030000088",
        steps=(
            OPEN,
            push_address("wanlin"),
            Words(
                "address 是 deviceCode 或 dcode；防区是 dcode/251",
                "the address is deviceCode or dcode, of a zone dcode/251",
            ),
            Words("主机的每个防区都登记为一台设备", "register every zone of a host as a device"),
            Words("每种防区各触发一次，核对点名", "trigger one zone of each sort and check the point"),
        ),
        traps=(
            Words(
                "主机报警的种类只写在中文里（…主机SOS）：不认识的词一律当火警。",
                "What a host's alarm is, only its Chinese words tell: one that is not known is taken as fire.",
            ),
            Words(
                "主机报警后没有逐防区的恢复：锁存到人工复位。",
                "A host sends no clear for each zone: the alarm latches until a person resets.",
            ),
            _TOGETHER,
            CLOUD,
        ),
        example=Example(
            "push",
            (
                '{"deviceCode":"361000000030000088","deviceType":"361","time":1772352000,"content":"'
                '燃气报警","detail":{"event":"0003","state":"2"}}'
            ).encode(),
            "gas.alarm",
            True,
        ),
    ),
    push_installation(
        "lian",
        Words("力安（LiAn）智慧用电", "LiAn's electrical-fire platform (力安)"),
        Words(
            "漏电、过温、过载、短路、过欠压、缺相；NB 烟感经 CTWing。",
            "Leakage, over-temperature, overload, short circuit, voltage, phase loss; its NB smoke "
            "detector comes through CTWing.",
        ),
        kind="electrical",
        profile="electrical.nb_iot",
        address="LA001",
        steps=(
            OPEN,
            push_address("lian"),
            Words("address 是 deviceId", "the address is deviceId"),
            Words(
                "互感器和探头的通道按 pointId 核对",
                "check the channels of clamps and probes by their pointId",
            ),
            Words("按设备的自检键，应看到报警事件", "press the device's test button: its event must show"),
        ),
        traps=(
            Words(
                "模拟报警（Alarm_Status 14）不是报警；静音（2）不是恢复。",
                "A simulated alarm (Alarm_Status 14) is none; silenced (2) is not its end.",
            ),
            Words(
                "205 到 610 的代码里，过欠压、缺相等是 fault，不是火警。",
                "Over- and under-voltage, phase loss and the like are faults and no fire.",
            ),
            Words(
                "没有说明的 pointId 只作事件，不猜单位。",
                "A pointId that nobody explained is an event; its unit is not guessed.",
            ),
            _TOGETHER,
        ),
        example=Example(
            "push",
            b'{"type":"1","time":1772352000000,"data":[{"deviceId":"LA001","pointId":"10901","value":"38"}]}',
            "current.residual",
            38.0,
        ),
    ),
    push_installation(
        "cn-electrical-fire",
        Words("智慧用电推送（多家）", "Electrical-fire pushes (智慧用电, several makers)"),
        Words(
            "四路剩余电流（mA）、四路线缆温度、三相电流电压；带单位的文字、裸数字、万林 chipcode 三种写法。",
            "Four residual currents (mA), four cable temperatures, currents and voltages of three "
            "phases; as texts with units, as bare numbers, or as Wanlin's chipcode form.",
        ),
        kind="electrical",
        profile="electrical.nb_iot",
        address="701809283275554264",
        steps=(
            OPEN,
            push_address("cn-electrical-fire"),
            Words("address 是 chipcode、deviceMac 或 sb_id", "the address is chipcode, deviceMac or sb_id"),
            Words(
                "逐路核对：夹一路互感器，看哪一路变",
                "check each channel: clamp one and see which value moves",
            ),
            Words(
                "过流、过温的门限在设备里设定；我们另按规则判",
                "thresholds are set in the device; our rules judge besides",
            ),
        ),
        traps=(
            Words(
                "万林的 current1 到 4 是剩余电流（毫安），不是负荷电流。",
                "Wanlin's current1 to 4 are residual currents in mA and no load.",
            ),
            Words(
                "“0_02”这类写法一律拒读（会错 100 倍）；“null℃”是没有数据。",
                "Spellings such as 0_02 are refused (they would be wrong by 100); null℃ is no reading.",
            ),
            Words("没有时区的本地时间不采用。", "Local times without an offset are not used."),
            _TOGETHER,
        ),
        example=Example(
            "push",
            b'{"type":"0301","chipcode":"701809283275554264","current1":310,"temperature1":41,"eventdate":1772352000}',
            "current.residual.1",
            310.0,
        ),
    ),
)
