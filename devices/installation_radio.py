"""Installation texts of Zigbee, Z-Wave, Ring and 433 MHz, and of what Home Assistant discovery announces."""

from __future__ import annotations

from typing import Final

from devices.installation_text import Example, Installation, Words, mqtt_installation

RADIO: Final[tuple[Installation, ...]] = (
    mqtt_installation(
        "zigbee2mqtt",
        Words("Zigbee2MQTT（1.x、2.x）", "Zigbee2MQTT (1.x and 2.x)"),
        Words(
            "任何 Zigbee2MQTT 支持的型号：含义取自网桥自己公布的清单（bridge/devices），不靠型号名单。",
            "Every model that Zigbee2MQTT supports: what its properties mean is read from the bridge's "
            "own list (bridge/devices), not from a list of models.",
        ),
        prefix="h/home-a/zigbee2mqtt",
        kind="smoke",
        address="smoke-201",
        steps=(
            Words(
                "configuration.yaml：mqtt.base_topic: h/home-a/zigbee2mqtt",
                "configuration.yaml: mqtt.base_topic: h/home-a/zigbee2mqtt",
            ),
            Words(
                "打开 availability（默认关闭），advanced.output 保持 json",
                "switch availability on (it is off by default); leave advanced.output at json",
            ),
            Words(
                "设备的 friendly_name 就是站点文件里的 address",
                "a device's friendly_name is its address in the site file",
            ),
            Words(
                '把网桥也登记为设备：kind = "bridge"，address = "bridge"',
                'register the bridge as well: kind = "bridge", address = "bridge"',
            ),
            Words("逐个按自检键，看控制台里是否出现", "press every test button and look for it in the console"),
        ),
        traps=(
            Words(
                "网桥启动时会重发缓存的旧状态；有的转换器自己编造“恢复”。烟感、燃气的恢复不可信，须人工复位。",
                "At its start the bridge repeats its cached state, and some converters invent the end of an "
                "alarm: clears of smoke and gas are not trusted, a person resets.",
            ),
            Words(
                "有的型号自检时上报 false（Heiman HS1CG-E、旧米家）：自检键证明不了它，要用真实气体或烟雾试。",
                "Some models report false while their test button sounds (Heiman HS1CG-E, old Mijia): the "
                "button proves nothing there, test with gas or smoke.",
            ),
            Words(
                "内置 availability 对电池设备 25 小时才判离线；我们按自己的时限判，见下面的类别表。",
                "The bridge's own availability gives a battery device 25 h; our limit is the one in the "
                "table of kinds.",
            ),
            Words(
                "呼叫按钮只说“按下”的一瞬间：报警锁存到复位。有的 TS0601 按钮会误报 emergency。",
                "An SOS button tells the moment of a press only: the alarm latches until reset. Some TS0601 "
                "buttons send a spurious emergency.",
            ),
            Words(
                "没有 definition 的设备（不受支持）只按少数确切名称读取，其余不猜。",
                "Of a device without a definition (not supported) a few exact names are read; the rest is not guessed.",
            ),
        ),
        example=Example(
            "h/home-a/zigbee2mqtt/smoke-201",
            b'{"smoke":true,"battery":87,"linkquality":96}',
            "smoke.alarm",
            True,
        ),
    ),
    mqtt_installation(
        "homeassistant",
        Words("Home Assistant MQTT 自动发现", "Home Assistant MQTT discovery"),
        Words(
            "凡按该约定自我宣告的设备：ESPHome、Tasmota、ring-mqtt、rtl_433、自制设备等；单位和 "
            "device_class 取自宣告。",
            "Whatever announces itself by this convention: ESPHome, Tasmota, ring-mqtt, rtl_433, devices "
            "of one's own. Units and device classes come from the announcement.",
        ),
        prefix="h/home-a/ha",
        kind="fall",
        address="fall-101",
        steps=(
            Words(
                "设备的 discovery_prefix 设为 h/home-a/ha/discovery",
                "set the device's discovery_prefix to h/home-a/ha/discovery",
            ),
            Words("状态主题也放在 h/home-a/ha/ 之下", "keep its state topics below h/home-a/ha/ as well"),
            Words("宣告报文必须保留（retain）", "announcements must be retained"),
            Words(
                "address 是设备 device.identifiers 的第一个",
                "the address is the first of device.identifiers",
            ),
            Words(
                "同一设备不要再用自己的解码器读一遍",
                "do not read the same devices by a codec of their own as well",
            ),
        ),
        traps=(
            Words(
                "只计算常见形式的模板（字段、比较、换算、条件）；其余模板报错，不猜值。",
                "Templates of the usual forms are evaluated (fields, comparisons, arithmetic, conditions); "
                "any other is an error, never a guess.",
            ),
            Words(
                "expire_after 和 off_delay 只管显示，绝不结束报警。",
                "expire_after and off_delay are about showing and never end an alarm.",
            ),
            Words(
                "同一设备两个实体报同一数值时，各得一个地址：设备/对象。",
                "Two entities of one device that say the same level get an address each: device/object.",
            ),
            Words(
                "device_class 不一定属实：ring-mqtt 的一氧化碳是 gas 类，rtl_433 的防拆是 safety 类；已知的已"
                "纠正，其余请用 anlian decode 核对。",
                "A device_class may mislead (ring-mqtt's CO is of class gas, rtl_433's tamper of class "
                "safety): known ones are mended, check others with anlian decode.",
            ),
        ),
        example=Example(
            "h/home-a/ha/fall-101/fall/state",
            b"ON",
            "fall.alarm",
            True,
            before=(
                (
                    "h/home-a/ha/discovery/binary_sensor/fall-101/fall/config",
                    b'{"name":"Fall","uniq_id":"fall-101-fall","stat_t":"h/home-a/ha/fall-101/fall/state","dev'
                    b'":{"ids":["fall-101"]}}',
                ),
            ),
        ),
    ),
    mqtt_installation(
        "zwavejs",
        Words("Z-Wave JS UI", "Z-Wave JS UI"),
        Words(
            "Z-Wave 的烟、热、一氧化碳、水浸、门、防拆、电表和按钮（Notification、Binary、Multilevel、"
            "Meter、Central Scene）。",
            "Z-Wave smoke, heat, CO, water, doors, tamper, meters and buttons (Notification, Binary, "
            "Multilevel, Meter, Central Scene).",
        ),
        prefix="h/home-a/zwave",
        kind="smoke",
        address="hall/smoke-203",
        steps=(
            Words("Settings → MQTT：Prefix h/home-a/zwave", "Settings, MQTT: prefix h/home-a/zwave"),
            Words(
                "Gateway type：ValueID topics 或 Named topics",
                "gateway type: ValueID topics or named topics",
            ),
            Words("Payload type：任选一种，三种都能读", "payload type: any, all three are read"),
            Words(
                "address = 位置/节点名（主题里类号之前的部分）",
                "the address is location/node name (what stands before the class)",
            ),
            Words("打开 Send Z-Wave status（节点在线状态）", "switch on the nodes' status topic"),
        ),
        traps=(
            Words(
                "Alarm_status 3 是自检，不是报警；Sensor_status 1、2 才是烟。",
                "Alarm_status 3 is a test and no alarm; smoke is Sensor_status 1 or 2.",
            ),
            Words(
                "紧急报警（emergency）是一瞬间：锁存到复位。",
                "An emergency alarm is a moment: it latches until reset.",
            ),
            Words(
                "Binary Sensor 的 Any、General purpose 说明不了它在看什么，不读。",
                "The binary sensor types Any and General purpose do not say what they watch and are not read.",
            ),
        ),
        example=Example(
            "h/home-a/zwave/hall/smoke-203/113/0/Smoke_Alarm/Sensor_status",
            b"2",
            "smoke.alarm",
            True,
        ),
    ),
    mqtt_installation(
        "ring",
        Words("ring-mqtt", "ring-mqtt"),
        Words(
            "Ring 的烟、一氧化碳、水浸、门磁、移动、紧急键和基站状态。",
            "Ring smoke, CO, flood, contacts, motion, panic and the base station.",
        ),
        prefix="ring",
        kind="smoke",
        address="1a2b3c",
        steps=(
            Words("装 ring-mqtt，MQTT 指向本院的服务器", "install ring-mqtt and point it at the home's broker"),
            Words(
                "主题以 ring/ 开头：服务器的 ACL 允许本院账号写 ring/#",
                "its topics begin with ring/: let the home's account write ring/# in the broker's ACL",
            ),
            Words(
                "address 是 Ring 的设备号（主题第四段）",
                "the address is Ring's device id (the fourth level)",
            ),
            Words(
                "先看“未登记”列表里听到的设备号，再登记",
                "take the ids from the list of unregistered devices",
            ),
            Words("一个服务器只给一家院用", "one broker of this kind serves one home only"),
        ),
        traps=(
            Words(
                "全靠 Ring 的云和互联网：外网断开就没有报警，只能算附加手段。",
                "Everything passes through Ring's cloud: without the internet there is no alarm. A supplement only.",
            ),
            Words(
                "破玻璃和改装防区只有现场知道含义，不读。",
                "Glass break and retrofit zones mean what the site knows; they are not read.",
            ),
        ),
        example=Example(
            "ring/home/alarm/1a2b3c/smoke/state",
            b"ON",
            "smoke.alarm",
            True,
        ),
    ),
    mqtt_installation(
        "rtl433",
        Words("rtl_433（433/868 MHz）", "rtl_433 (433 and 868 MHz)"),
        Words(
            "温湿度、门磁、移动、水浸等单向无线传感器。",
            "One-way radio sensors: climate, contacts, motion, water.",
        ),
        prefix="h/home-a/rtl_433",
        registered_only=True,
        kind="climate",
        address="Nexus-TH/2/42",
        steps=(
            Words(
                'rtl_433 -F "mqtt://127.0.0.1:1883,events=h/home-a/rtl_433/box/events"',
                'rtl_433 -F "mqtt://127.0.0.1:1883,events=h/home-a/rtl_433/box/events"',
            ),
            Words("registered_only = true 必须写", "registered_only = true is a must"),
            Words(
                "address = 型号/子型/信道/编号，缺的略去",
                "the address is model/subtype/channel/id, without what is missing",
            ),
            Words(
                "编号从“未登记”列表里取；换电池会变",
                "take the id from the list of unregistered devices; a new battery changes it",
            ),
            Words("只作环境参考，不作火灾探测", "for climate only, not for fire detection"),
        ),
        traps=(
            Words(
                "听得到所有邻居；编号会重复；解码会认错：Smoke-GS558 常是移动或水浸传感器，所以型号从不当作烟警。",
                "Every neighbour is heard, ids repeat, and decoders mistake one device for another "
                "(Smoke-GS558 is often a motion or leak sensor): the model's name is never taken as smoke.",
            ),
            Words(
                "没有在线状态，也没有恢复报文：只能靠沉默时限。",
                "There is no availability and no clear: silence is all that tells.",
            ),
        ),
        example=Example(
            "h/home-a/rtl_433/box/events",
            b'{"time":"2026-03-01 08:00:00","model":"Nexus-TH","id":42,"channel":2,"battery_ok":1,"tem'
            b'perature_C":20.5}',
            "temperature",
            20.5,
        ),
    ),
)
