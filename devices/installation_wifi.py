"""Installation texts of devices on Wi-Fi or a cable that speak MQTT themselves, and of our own topics."""

from __future__ import annotations

from typing import Final

from devices.installation_text import Example, Installation, Words, mqtt_installation

WIFI: Final[tuple[Installation, ...]] = (
    mqtt_installation(
        "tasmota",
        Words("Tasmota", "Tasmota"),
        Words(
            "电量计量、继电器、温湿度、LD2410S 雷达，以及 Tasmota 的 Zigbee、LoRa、蓝牙网桥后面的设备。",
            "Energy meters, relays, climate sensors, the LD2410S radar, and the devices behind Tasmota's "
            "Zigbee, LoRa and Bluetooth bridges.",
        ),
        prefix="h/home-a/tasmota",
        kind="plug",
        address="plug-kitchen",
        steps=(
            Words(
                "FullTopic h/home-a/tasmota/%topic%/%prefix%/",
                "FullTopic h/home-a/tasmota/%topic%/%prefix%/",
            ),
            Words("Topic plug-kitchen：就是 address", "Topic plug-kitchen: this is the address"),
            Words(
                "TelePeriod 60 到 300（mains 时限是 10 分钟）",
                "TelePeriod 60 to 300 (the limit of mains devices is 10 min)",
            ),
            Words(
                "开关输入：SwitchMode 1，事件随变化上报",
                "switch inputs: SwitchMode 1, so that they report on change",
            ),
            Words("所有设备的 MqttUser 用本院账号", "MqttUser is the home's account on all devices"),
        ),
        traps=(
            Words(
                "Switch<n> 接的是什么只有现场知道：读作 input.<n>，不会自己变成火警。在院点文件里给设备写 "
                'means = {"input.1" = "smoke.alarm"}，常闭触点写 "not smoke.alarm"（POWER<n> 是 relay.<n>）。',
                "What a Switch<n> is wired to, only the site knows: it is read as input.<n> and is no fire "
                'alarm by itself. Write means = {"input.1" = "smoke.alarm"} into the device in the site file, '
                '"not smoke.alarm" for a contact that opens in alarm (POWER<n> is relay.<n>).',
            ),
            Words(
                "全部以 QoS 0 发布：服务器须有 queue_qos0_messages 和 upgrade_outgoing_qos。",
                "All of it is published at QoS 0: the broker needs queue_qos0_messages and upgrade_outgoing_qos.",
            ),
            Words(
                "Time 是没有时区的本地时间，不采用；Wifi.RSSI 是百分比（wifi.quality），不是 dBm。",
                "Time is local without an offset and is not used; Wifi.RSSI is a percentage (wifi.quality), not dBm.",
            ),
            Words(
                "Zigbee 网桥的水浸只出现在 ZoneStatusChange 里；漏掉一条就等下一条。",
                "Behind the Zigbee bridge a leak shows in ZoneStatusChange only; one that is lost comes with "
                "the next change.",
            ),
        ),
        example=Example(
            "h/home-a/tasmota/plug-kitchen/tele/SENSOR",
            b'{"Time":"2026-03-01T08:00:00","ENERGY":{"Total":14.7,"Power":32,"Voltage":228,"Current":0.148}}',
            "current.a",
            0.148,
        ),
    ),
    mqtt_installation(
        "shelly",
        Words("Shelly（第一代与第二代以后）", "Shelly (first generation, and second and later)"),
        Words(
            "烟感、水浸、燃气、门磁、按钮、插座、单相和三相电表、温湿度。",
            "Smoke, flood, gas, door, buttons, plugs, single- and three-phase meters, climate.",
        ),
        prefix="h/home-a/shelly",
        kind="smoke",
        address="smoke-202",
        steps=(
            Words(
                "第二代：网页里打开 MQTT（默认关闭），topic prefix = h/home-a/shelly/smoke-202",
                "second generation: switch MQTT on (it is off), topic prefix h/home-a/shelly/smoke-202",
            ),
            Words(
                "打开 RPC status notifications 和 generic status update（默认关闭）",
                "switch on RPC status notifications and generic status update (the latter is off)",
            ),
            Words("前缀的最后一段就是 address", "the last level of that prefix is the address"),
            Words(
                '第一代主题固定为 shellies/…：另写一个 prefix = "shellies" 的来源',
                'first generation: its topics are fixed, write one more source with prefix = "shellies"',
            ),
            Words("第一代打开 MQTT 会关掉云", "on the first generation, MQTT switches Shelly's cloud off"),
        ),
        traps=(
            Words(
                "电池设备每天只醒一次，报警时除外：平时“离线”是正常的，不作为离线上报；低电和沉默照样监督。",
                "Battery devices wake up once a day unless they alarm: that they are off line in between is "
                "normal and not told; silence and battery are supervised.",
            ),
            Words(
                "静音（mute）不是恢复：报警还在，另有 alarm.silenced。",
                "mute is not the end of an alarm: it goes on, and alarm.silenced is said as well.",
            ),
            Words(
                "第二代烟感的状态里没有自检；第一代燃气的 test 读作自检，不是报警。",
                "The state of the second generation's smoke detector has no test; test of the first "
                "generation's gas detector is a self-test and no alarm.",
            ),
            Words(
                "第二个电表或探头另有地址：设备/部件:1。999 和 −1 表示没有探头或在预热。",
                "A second meter or probe has an address of its own: device/component:1. 999 and -1 mean no "
                "probe, or warming up.",
            ),
        ),
        example=Example(
            "h/home-a/shelly/smoke-202/status/smoke:0",
            b'{"id":0,"alarm":true,"mute":false}',
            "smoke.alarm",
            True,
        ),
    ),
    mqtt_installation(
        "esphome",
        Words("ESPHome", "ESPHome"),
        Words(
            "自建节点；Seeed MR60FDA2 跌倒雷达、LD2410 等的通用实体名。",
            "Nodes of one's own; the usual entity names of the Seeed MR60FDA2 fall radar, LD2410 and the like.",
        ),
        prefix="h/home-a/esphome",
        kind="fall",
        address="fall-102",
        steps=(
            Words(
                "YAML：mqtt: topic_prefix: h/home-a/esphome/fall-102",
                "YAML: mqtt: topic_prefix: h/home-a/esphome/fall-102",
            ),
            Words("前缀的最后一段就是 address", "the last level of that prefix is the address"),
            Words(
                "实体名用确切的名称：smoke、gas、fall、sos、temperature……",
                "give entities their exact names: smoke, gas, fall, sos, temperature, …",
            ),
            Words(
                "加上 birth_message 和 will_message（默认就有）",
                "keep birth_message and will_message (they are there by default)",
            ),
            Words(
                "名称不够明确、单位不是默认（°C、A、V）或设备已发布自动发现（discovery）时，改用 homeassistant 解码器",
                "names not plain, units not °C, A, V, or discovery on: use the homeassistant codec instead",
            ),
        ),
        traps=(
            Words(
                "实体名是自由文字：不在表里的名称不读、不猜。装好后用 anlian decode 核对。",
                "Entity names are free text: a name that is not in the table is not read and not guessed. "
                "Check with anlian decode.",
            ),
            Words(
                "状态默认保留：断线后重连会收到旧的 ON。它标为“原有状态，时间不明”，保留的 OFF 绝不清除。",
                "States are retained by default, so an old ON comes again on every reconnect: it is marked "
                "'state found, time unknown', and a retained OFF never clears.",
            ),
            Words(
                "energy 不带单位时不读（可能是 Wh 或 kWh）。",
                "energy without its unit is not read (it may be Wh or kWh).",
            ),
        ),
        example=Example(
            "h/home-a/esphome/fall-102/binary_sensor/falling_information/state",
            b"ON",
            "fall.alarm",
            True,
        ),
    ),
    mqtt_installation(
        "devtank",
        Words("Devtank OpenSmartMonitor", "Devtank OpenSmartMonitor"),
        Words("电流互感器、温湿度、照度。", "Current clamps, temperature, humidity, light."),
        prefix="h/home-a/devtank",
        kind="electrical",
        profile="electrical.mains",
        address="kettle",
        steps=(
            Words(
                "MQTT 主题设在 h/home-a/devtank/ 之下，任意一级",
                "set the MQTT topic to any level below h/home-a/devtank/",
            ),
            Words("NAME 就是 address", "NAME is the address"),
            Words("互感器按安培标定", "calibrate the clamps in amperes"),
            Words("CC1 到 CC3 对应 A、B、C 相", "CC1 to CC3 are phases A, B and C"),
            Words(
                '周期在 100 秒以上时写 profile = "electrical.mains"',
                'reporting slower than every 100 s: profile = "electrical.mains"',
            ),
        ),
        traps=(
            Words(
                "_min 和 _max 是周期内的极值，不是传感器，不读。",
                "_min and _max are extremes over the interval, no sensors: not read.",
            ),
            Words(
                "只有电流，没有剩余电流和线缆温度。",
                "There is load current only: no residual current, no cable temperature.",
            ),
        ),
        example=Example(
            "h/home-a/devtank/monitor",
            b'{"UNIX":1772352000,"NAME":"kettle","VALUES":{"TEMP":"23.5","CC1":"15.5","CC1_max":"15.6"}}',
            "current.a",
            15.5,
        ),
    ),
    mqtt_installation(
        "native",
        Words("我们自己的主题", "Our own topics"),
        Words(
            "任何能发 JSON 的设备或程序：点名和单位照下面的点表。",
            "Any device or program that can send JSON: names and units as in the catalogue of points below.",
        ),
        prefix="anlian/v1/home-a",
        kind="electrical",
        address="panel-1",
        steps=(
            Words(
                "发到 anlian/v1/home-a/<address>/telemetry，QoS 1",
                "publish to anlian/v1/home-a/<address>/telemetry at QoS 1",
            ),
            Words(
                '{"at": 时刻, "points": {"点": 值}}；at 可省略',
                '{"at": instant, "points": {"point": value}}; at may be left out',
            ),
            Words(
                "状态用 true/false，数值用数字，未知用 null",
                "states are true or false, levels numbers, null is not known",
            ),
            Words(
                "…/status 保留并作遗嘱：online / offline",
                ".../status retained and as last will: online / offline",
            ),
            Words(
                "有线设备至少每 30 秒一次（时限 100 秒）",
                "wired devices at least every 30 s (the limit is 100 s)",
            ),
        ),
        traps=(
            Words(
                "严格：不认识的点、文字写的数字、错误的时刻，整包拒收并说明原因——除非同包里有报警，报警一定放行。",
                "Strict: an unknown point, a number as text or a bad instant refuses the packet and says "
                "why, unless the packet tells of a danger: that gets through.",
            ),
            Words(
                "设备不能叫 alarm、gateway、command、up、down：这些是网关自己的主题。",
                "No device may be called alarm, gateway, command, up or down: these are the gateway's own topics.",
            ),
        ),
        example=Example(
            "anlian/v1/home-a/panel-1/telemetry",
            b'{"points":{"current.a":21.5,"current.residual":38,"cable_temp.1":41}}',
            "current.residual",
            38.0,
        ),
    ),
)
