"""Installation texts of platforms that push over HTTP."""

from __future__ import annotations

from typing import Final

from devices.installation_text import (
    CLOUD,
    OPEN,
    Example,
    Installation,
    Words,
    push_address,
    push_installation,
    push_source,
)

PLATFORMS: Final[tuple[Installation, ...]] = (
    Installation(
        id="pushes",
        name=Words("HTTP 推送的通用接法", "HTTP pushes, of any codec"),
        covers=Words(
            "能把报文以 HTTP POST 推到一个地址的平台：正文就是报文，codec 可以是任何一个；ChirpStack 的 "
            'HTTP 集成和 The Things Stack 的 webhook 用 codec = "lorawan"（如下）。',
            "Every platform that POSTs its messages to an address: the body is the message, and codec "
            "may be any; ChirpStack's HTTP integration and webhooks of The Things Stack take codec = "
            '"lorawan", as here.',
        ),
        settings=push_source("lorawan"),
        source="home-a-lorawan",
        kind="smoke",
        address="24e1240000000002",
        steps=(
            OPEN,
            push_address("lorawan"),
            Words(
                "认证三选一：Authorization: Bearer、X-Token、?token=",
                "the token goes into Authorization: Bearer, X-Token or ?token=",
            ),
            Words(
                "能签名的平台用 secret_file：正文的 HMAC-SHA256 放进 X-Signature",
                "platforms that sign take secret_file: HMAC-SHA256 of the body in X-Signature",
            ),
            Words(
                "知道平台出口网段的，写进 networks",
                "where the platform's networks are known, write them into networks",
            ),
        ),
        traps=(
            Words(
                "写到磁盘之后才回 200；平台收不到 200 应重发，不重发的平台会丢报文。",
                "200 is answered after the commit only: a platform that does not send again without it loses messages.",
            ),
            Words(
                "同一报文推两次会记两次，但只报一次警。",
                "What is pushed twice is journalled twice and alarms once.",
            ),
            Words(
                "?token= 会留在代理和平台的日志里：能用请求头就用请求头。",
                "?token= stays in the logs of proxies and platforms: use a header where the platform can set one.",
            ),
        ),
        example=Example(
            "application/1/device/24e1240000000002/event/up",
            b'{"deviceInfo":{"devEui":"24e1240000000002"},"fPort":2,"object":{"smokeAlarm":"Alarm"}}',
            "smoke.alarm",
            True,
        ),
    ),
    push_installation(
        "ctwing-aep",
        Words("CTWing / AEP（中国电信）", "CTWing / AEP (China Telecom)"),
        Words(
            "NB-IoT 烟感、燃气、用户信息传输装置：dataReport、eventReport、上下线通知；payload 是 JSON 或 base64。",
            "NB-IoT smoke and gas detectors and transmission devices of fire panels: data, events, on "
            "and off line; JSON or base64.",
        ),
        kind="smoke",
        profile="smoke.nb_iot",
        address="860374051096202",
        steps=(
            OPEN,
            Words(
                "平台“订阅管理”里订阅设备数据变化、事件上报、上下线",
                "subscribe on the platform to data, events and on/off line",
            ),
            push_address("ctwing-aep"),
            Words("address 是 IMEI", "the address is the IMEI"),
            Words(
                '每小时上报的写 profile = "smoke.nb_iot"（时限 2 小时 10 分）',
                'hourly reporters: profile = "smoke.nb_iot" (limit 2 h 10 min)',
            ),
        ),
        traps=(
            Words(
                "只带平台 deviceId 的上下线通知，要在同一设备的数据到过之后才能对上 IMEI。",
                "A notice that bears the platform's deviceId only is laid to the IMEI that came with it earlier.",
            ),
            Words(
                "设备休眠（PSM）时平台会说离线，那是正常的；以沉默时限为准。",
                "A device that sleeps (PSM) is off line to the platform by design: the silence limit is what counts.",
            ),
            Words(
                "燃气探测器的 temperature 总是 0，不当作温度；RSRP 是绝对值，不读。",
                "The gas detector's temperature is always 0 and no temperature; RSRP comes as a magnitude "
                "and is not read.",
            ),
            CLOUD,
        ),
        example=Example(
            "push",
            b'{"messageType":"dataReport","deviceId":"acf7baae","IMEI":"860374051096202","payload":{"s'
            b'erviceId":"notification","serviceData":{"IMEI":"860374051096202","Battery_Level":99,"Ala'
            b'rm_Status":1}}}',
            "smoke.alarm",
            True,
        ),
    ),
    push_installation(
        "huawei-iotda",
        Words("华为云 IoTDA", "Huawei Cloud IoTDA"),
        Words(
            "属性上报、网关子设备、事件、设备状态的推送（也读 $oc 主题）。",
            "Pushed property reports, sub-devices, events and states (its $oc topics are read too).",
        ),
        kind="smoke",
        profile="smoke.nb_iot",
        address="dev-1",
        steps=(
            OPEN,
            Words(
                "规则 → 数据转发：设备属性、设备状态，转发到 HTTP",
                "rules, data forwarding: properties and status, to HTTP",
            ),
            push_address("huawei-iotda"),
            Words("address 是 device_id", "the address is device_id"),
            Words(
                "产品模型的 service_id 用 Smoke、Temperature、Battery 等名称",
                "name the model's services Smoke, Temperature, Battery, …",
            ),
        ),
        traps=(
            Words(
                "含义可能只在 service_id 里（Temperature: {value}）：不认识的 service_id 不读。",
                "The meaning may stand in service_id alone: one that is not known is not read.",
            ),
            Words(
                "ABNORMAL 既不是在线也不是离线，只作事件。",
                "ABNORMAL is neither on nor off line: an event only.",
            ),
            Words(
                "mosquitto 不接受 $oc 开头的主题：设备不能直接改连本院服务器。",
                "Mosquitto takes no topic that begins with $oc: such devices cannot be pointed at the home's broker.",
            ),
            CLOUD,
        ),
        example=Example(
            "push",
            b'{"resource":"device.property","event":"report","notify_data":{"header":{"device_id":"dev'
            b'-1"},"body":{"services":[{"service_id":"Smoke","properties":{"alarm":1},"event_time":"20'
            b'260301T080000Z"}]}}}',
            "smoke.alarm",
            True,
        ),
    ),
    push_installation(
        "onenet",
        Words("OneNET（中国移动）", "OneNET (China Mobile)"),
        Words(
            "Studio 物模型的属性、事件、批量、子设备，旧数据点，HTTP 推送。",
            "Studio's properties, events, packs and sub-devices, older data points, and HTTP pushes.",
        ),
        kind="gas",
        profile="gas.nb_iot",
        address="dev1",
        steps=(
            OPEN,
            Words(
                "数据流转 → HTTP 推送：设备数据点和生命周期",
                "data flow, HTTP push: data and life cycle of devices",
            ),
            push_address("onenet"),
            Words(
                "平台的地址校验（GET ?msg=）会自动应答",
                "the platform's check of the address (GET ?msg=) is answered",
            ),
            Words("address 是设备名称", "the address is the device's name"),
        ),
        traps=(
            Words(
                "属性按确切名称读（GasSensorState、SmokeSensorState……），其余不读。",
                "Properties are read by exact names (GasSensorState, SmokeSensorState, …), others are not.",
            ),
            Words(
                "加密推送还不支持：平台上选明文。",
                "Encrypted pushes are not read yet: choose plain text on the platform.",
            ),
            CLOUD,
        ),
        example=Example(
            "$sys/pid/dev1/thing/property/post",
            b'{"id":"1","params":{"GasSensorState":{"value":true}}}',
            "gas.alarm",
            True,
        ),
    ),
    push_installation(
        "aliyun-iot",
        Words("阿里云物模型（Alink）及其仿制", "Aliyun's thing model (Alink) and its clones"),
        Words(
            "属性、事件、批量、历史、上下线；服务端订阅转发的格式。",
            "Properties, events, batches, history, on and off line; the forms of the server-side subscription.",
        ),
        kind="smoke",
        profile="smoke.nb_iot",
        address="smoke-201",
        steps=(
            OPEN,
            Words(
                "服务端订阅或规则引擎转发到您的程序，由它 POST 过来",
                "a program of yours takes the server-side subscription and POSTs it here",
            ),
            push_address("aliyun-iot"),
            Words("address 是 deviceName", "the address is deviceName"),
            Words(
                '仿制平台可用 MQTT：[[sources]] codec = "aliyun-iot"',
                'clones by MQTT: [[sources]] with codec = "aliyun-iot"',
            ),
        ),
        traps=(
            Words(
                "透传（thing/model/up_raw）要产品自己的脚本，拒读。",
                "Raw bytes (thing/model/up_raw) need the product's own script and are refused.",
            ),
            Words("历史补报（history）绝不触发报警。", "What a gateway catches up with (history) never alarms."),
            Words(
                "Power、Voltage、GasConcentration 各产品单位不同，不读。",
                "Power, Voltage and GasConcentration differ in unit between products and are not read.",
            ),
            CLOUD,
        ),
        example=Example(
            "/sys/a1pk/smoke-201/thing/event/property/post",
            b'{"id":"1","version":"1.0","params":{"SmokeSensorState":1,"BatteryPercentage":87}}',
            "smoke.alarm",
            True,
        ),
    ),
    push_installation(
        "tuya",
        Words("涂鸦（Tuya）云与 Tuya Link", "Tuya: its cloud, and Tuya Link"),
        Words(
            "烟感、燃气、一氧化碳、水浸、求助按钮、门磁、空开的标准数据点。",
            "Standard data points of smoke, gas, CO, water, SOS, doors and breakers.",
        ),
        kind="sos",
        address="vdev1",
        steps=(
            OPEN,
            Words(
                "涂鸦消息服务用 Pulsar：由您的程序解密后 POST 过来",
                "Tuya's message service speaks Pulsar: a program of yours decrypts and POSTs it here",
            ),
            push_address("tuya"),
            Words("address 是 devId", "the address is devId"),
            Words(
                "在局域网内的 Zigbee 型号改用 Zigbee2MQTT 更可靠",
                "Tuya's Zigbee models are better read by Zigbee2MQTT, in the home",
            ),
        ),
        traps=(
            Words(
                "只读各产品含义一致的代码；cur_voltage、cur_power、va_temperature 的倍数因产品而异，不读。",
                "Only codes that mean the same in every product are read; cur_voltage, cur_power and "
                "va_temperature have a scale of each product's own and are not.",
            ),
            Words("sos_state 是一瞬间：锁存到复位。", "sos_state is a moment: it latches until reset."),
            CLOUD,
        ),
        example=Example(
            "push",
            b'{"devId":"vdev1","status":[{"code":"sos_state","value":true}]}',
            "sos.alarm",
            True,
        ),
    ),
)
