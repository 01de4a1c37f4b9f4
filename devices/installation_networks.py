"""Installation texts of LoRaWAN networks, Sparkplug B and ThingsBoard, and of fire panels."""

from __future__ import annotations

from typing import Final

from devices.installation_text import Example, Installation, Words, mqtt_installation

_PANEL: Final = """\
[[gb26875]]
name = "home-a-panel"
home = "home-a"
host = "0.0.0.0"
port = 9001
networks = ["10.8.0.0/16"]
"""

NETWORKS: Final[tuple[Installation, ...]] = (
    mqtt_installation(
        "lorawan",
        Words(
            "LoRaWAN：ChirpStack v4、The Things Stack v3",
            "LoRaWAN: ChirpStack v4 and The Things Stack v3",
        ),
        Words(
            "Milesight、Dragino、Yobiiq、Browan、Vutility、TG563A 等厂家解码器的写法；没有解码器时直接读 "
            "Milesight 原始帧。",
            "What the payload decoders of Milesight, Dragino, Yobiiq, Browan, Vutility, TG563A and "
            "others say; raw Milesight frames where no decoder is installed.",
        ),
        prefix="h/home-a/lorawan",
        kind="water_leak",
        address="24e1240000000001",
        steps=(
            Words("ChirpStack [integration.mqtt]：json = true", "ChirpStack [integration.mqtt]: json = true"),
            Words(
                'event_topic = "h/home-a/lorawan/application/{{application_id}}/device/{{dev_eui}}/event/{{event}}"',
                'event_topic = "h/home-a/lorawan/application/{{application_id}}/device/{{dev_eui}}/event/{{event}}"',
            ),
            Words(
                'The Things Stack：用 mosquitto 桥 topic v3/# in 1 h/home-a/lorawan/ ""',
                'The Things Stack: a bridge of mosquitto, topic v3/# in 1 h/home-a/lorawan/ ""',
            ),
            Words(
                "设备配置的名称（或标签 model）写型号，如 Milesight WS301",
                "write the model into the device profile's name or the tag model: Milesight WS301",
            ),
            Words(
                "求助按钮加标签 kind = sos；address 是 DevEUI（TTS 是设备号）",
                "give SOS buttons the tag kind = sos; the address is the DevEUI (The Things Stack: the device id)",
            ),
        ),
        traps=(
            Words(
                "没有遗嘱也没有保留：设备坏了只有沉默。silence_limit 写成上报周期的 3 倍。",
                "There is no last will and nothing is retained: silence alone tells of a loss. Set "
                "silence_limit to three times the device's interval.",
            ),
            Words(
                "解码器换版本会改名改义（WS301 的防拆自相矛盾）：固定解码器版本，每台都真拆一次。",
                "Decoders change names and meanings with their version (the WS301's tamper contradicts its "
                "own README): pin the version and try a real tamper.",
            ),
            Words(
                "没写 kind = sos 的按钮只是 button，不呼叫任何人。",
                "A button without kind = sos is a button: it calls nobody.",
            ),
            Words(
                "327.67、−40、65535 是“没有探头”，不是温度；补传的历史绝不触发报警。",
                "327.67, -40 and 65535 mean no probe; history that is caught up with never alarms.",
            ),
        ),
        example=Example(
            "h/home-a/lorawan/application/1/device/24e1240000000001/event/up",
            b'{"deviceInfo":{"deviceProfileName":"Milesight WS303","devEui":"24e1240000000001"},"fPort'
            b'":85,"object":{"battery":100,"leakage_status":"leak"}}',
            "water_leak.alarm",
            True,
        ),
    ),
    mqtt_installation(
        "sparkplug",
        Words("Sparkplug B 3.0", "Sparkplug B 3.0"),
        Words(
            "工业网关和 PLC：出生、死亡、数据；指标用确切名称（Smoke Alarm、Residual Current、剩余电流……）。",
            "Industrial gateways and PLCs: births, deaths, data; metrics by exact names (Smoke Alarm, "
            "Residual Current, …).",
        ),
        kind="smoke",
        profile="smoke.wired",
        address="home/plc/hall",
        steps=(
            Words(
                "边缘节点指向本院的服务器，账号 home-a",
                "point the edge node at the home's broker, account home-a",
            ),
            Words("服务器的 ACL 允许它读写 spBv1.0/#", "let it read and write spBv1.0/# in the broker's ACL"),
            Words(
                "指标按确切名称命名；报警指标不用别名（alias）",
                "name metrics exactly, and publish alarms without an alias",
            ),
            Words("address = 组/节点/设备", "the address is group/edge node/device"),
            Words(
                "网关的账号要能写 spBv1.0/+/NCMD/+，边缘节点要允许重生命令（Node Control/Rebirth）",
                "let the gateway's account write spBv1.0/+/NCMD/+, and the node obey Node Control/Rebirth",
            ),
        ),
        traps=(
            Words(
                "出生报文不保留：网关连上服务器时、或序号有缺口时，向节点发重生命令（Rebirth），每节点每分钟最多一次，"
                "无人理会则越来越少。节点再次出生之前，危险设备只带别名的数据按“读不懂”报警。报警指标最好带名称。",
                "Births are not retained: the gateway asks a node for a rebirth whenever its session with the broker "
                "begins and after a gap in the sequence, once a minute at most, ever more rarely where nobody "
                "answers. Until then data by alias alone of a device that watches for a danger is raised as "
                "unreadable. Let alarms carry their names.",
            ),
            Words(
                "节点死亡时它下面的设备全部离线；旧会话的遗嘱不算数。",
                "A node's death takes its devices off line; the last will of an older session counts for nothing.",
            ),
            Words(
                "历史值（is_historical）不报警；坏质量的值不参与判定，坏质量的报警照报。",
                "Historical values never alarm. Values of bad quality decide nothing, but an alarm of bad "
                "quality is raised.",
            ),
        ),
        example=Example(
            "spBv1.0/home/DDATA/plc/hall",
            b"\x08\x80\xa0\xa5\xc3\xca3\x12\x11\n\x0bSmoke Alarm \x0bp\x01\x18\x01",
            "smoke.alarm",
            True,
        ),
    ),
    mqtt_installation(
        "thingsboard",
        Words("ThingsBoard 设备与网关 API", "ThingsBoard device and gateway API"),
        Words(
            "发往 v1/gateway/telemetry 或 v1/devices/<名称>/telemetry 的遥测；键用确切名称。",
            "Telemetry sent to v1/gateway/telemetry or v1/devices/<name>/telemetry; keys by exact names.",
        ),
        kind="smoke",
        profile="smoke.mains",
        address="smoke-204",
        steps=(
            Words(
                "把设备的 MQTT 地址从 ThingsBoard 改为本院的服务器",
                "point the devices at the home's broker in place of ThingsBoard",
            ),
            Words(
                "最好走网关 API：v1/gateway/telemetry，设备名是 JSON 的键",
                "best by the gateway API: v1/gateway/telemetry, the device's name is the JSON key",
            ),
            Words("设备名就是 address", "the device's name is the address"),
            Words(
                "键用 smoke、gas、sos、fall、temperature 等确切名称",
                "keys by exact names: smoke, gas, sos, fall, temperature, …",
            ),
            Words(
                "v1/devices/me/telemetry 只能有一台：me 不是身份",
                "v1/devices/me/telemetry serves one device only: me is no name",
            ),
        ),
        traps=(
            Words(
                "几台设备都用 me 时分不清谁在报警：给每台一个名称，或走网关 API。",
                "Of several devices that say me nobody can tell which one alarms: name them, or use the gateway API.",
            ),
            Words(
                "一批里比最新样本旧 60 秒以上的是历史：数值照存，状态不报警。",
                "Samples more than 60 s older than the newest of a batch are the past: numbers are kept, "
                "states never alarm.",
            ),
            Words("attributes 是设置，不当作读数。", "Attributes are settings and no readings."),
        ),
        example=Example(
            "v1/gateway/telemetry",
            b'{"smoke-204":[{"values":{"smoke":true,"battery":80}}]}',
            "smoke.alarm",
            True,
        ),
    ),
    Installation(
        id="gb26875",
        name=Words("用户信息传输装置：GB/T 26875.3", "Fire panels: GB/T 26875.3 transmission devices"),
        covers=Words(
            "控制器的火警、故障、屏蔽、监管、启动、反馈、模拟量、操作记录；TCP、UDP；标准、dahua、tanda "
            "三种方言；下发对时、查岗、查询。",
            "Fire, fault, shielding, supervision, outputs, feedback, analogue values and operations of a "
            "panel; TCP and UDP; dialects standard, dahua and tanda; clock, duty check and queries "
            "downward.",
        ),
        settings=_PANEL,
        source="home-a-panel",
        kind="panel_part",
        address="889/1.1/10.2",
        steps=(
            Words(
                "传输装置里填本网关的地址和端口（标准没规定端口）",
                "enter the gateway's address and port into the transmission device (the standard names no port)",
            ),
            Words(
                "经 VPN 接入，networks 写装置所在网段",
                "lead it through a VPN and write its network into networks",
            ),
            Words(
                "address：889 是装置，889/1.1 是系统，889/1.1/10.2 是部件",
                "the address: 889 is the device, 889/1.1 a system of it, 889/1.1/10.2 a component",
            ),
            Words(
                "拔一个探测器，看部件号对不对；不对就换 address_format",
                "unplug one detector and see whether the address is right; if not, change address_format",
            ),
            Words(
                "厂家不标准时换 dialect，一种方言一个端口",
                "for a maker's own ways change dialect, one port for each",
            ),
        ),
        traps=(
            Words(
                "协议没有登录和加密：谁连得上端口，谁就能报火警。",
                "The protocol has neither login nor encryption: whoever reaches the port can report a fire.",
            ),
            Words(
                "火警位为 1 就是火警，即使同时标着“测试”；恢复不可信，须在现场确认后复位。",
                "The fire bit is a fire even where the test bit stands beside it; clears are not trusted, a "
                "person resets.",
            ),
            Words(
                "部件地址的四个字节怎么写由厂家定：没核对过的地址会把人领到错误的房间。",
                "What the four bytes of a component's address mean is the maker's affair: one that nobody "
                "checked leads people to the wrong room.",
            ),
            Words(
                "对照标准和截获的报文测试，没有接过真实控制器。",
                "Tested against the standard and captured frames, never on a panel.",
            ),
        ),
    ),
)
