"""Installation texts of cameras and of the bridges that speak for them."""

from __future__ import annotations

from typing import Final

from devices.installation_text import Example, Installation, Words, mqtt_installation

_CAMERAS: Final = """\
[[cameras]]
name = "camera-gate"
home = "home-a"
url = "rtsp://192.168.10.21:554/Streaming/Channels/102"
username = "viewer"
password_file = "secrets/camera-password"
"""

_PLATFORM: Final = """\
[[video_platforms]]
name = "nvr"
home = "home-a"
kind = "wvp"
url = "https://192.168.10.5:18443"
username = "anlian"
password_file = "secrets/platform-password"
"""

VIDEO: Final[tuple[Installation, ...]] = (
    Installation(
        id="cameras",
        name=Words("摄像机：RTSP、ONVIF", "Cameras: RTSP, ONVIF"),
        covers=Words(
            "任何有 RTSP 的摄像机或录像机通道：真的取一帧（H.264、H.265、JPEG），摘要认证；没有画面时再问"
            " ONVIF 是否还活着。",
            "Every camera or recorder channel with RTSP: a frame is really asked for (H.264, H.265, "
            "JPEG), digest authentication; where none comes, ONVIF is asked whether the camera lives.",
        ),
        settings=_CAMERAS,
        source="video",
        kind="video",
        address="camera-gate",
        steps=(
            Words(
                "在摄像机上建一个只能看直播的用户 viewer",
                "make a user viewer on the camera that may see live video only",
            ),
            Words(
                "取第二路小码流的 RTSP 地址，地址里不写用户和密码",
                "take the RTSP address of the second, small stream, without user and password in it",
            ),
            Words(
                "密码放进 secrets/camera-password，权限 0640",
                "put the password into secrets/camera-password, mode 0640",
            ),
            Words(
                'ONVIF 可选：onvif = "http://192.168.10.21/onvif/device_service"',
                'ONVIF if you like: onvif = "http://192.168.10.21/onvif/device_service"',
            ),
            Words(
                "name 就是站点文件里的 address，source 是 video",
                "name is the address in the site file, its source is video",
            ),
        ),
        traps=(
            Words(
                "每 60 秒问一次，连续三次没有帧才离线（GB/T 28181-2016 9.6.1）：断线最多 3 分钟才报。",
                "Asked every 60 s, off line after three misses in a row (GB/T 28181-2016 9.6.1): a loss is "
                "told within 3 minutes.",
            ),
            Words(
                "黑屏或定格每 10 分钟看一次，定格要三次相同；画面中间有时钟就看不出定格。",
                "Black or frozen is looked for every 10 min, frozen needs three looks alike; a clock in the "
                "middle of the picture hides it.",
            ),
            Words(
                "不存任何画面，只存 64 位指纹；报警抓拍只限允许的摄像机。",
                "No picture is stored, a fingerprint of 64 bits only; stills of an alarm only of cameras allowed to.",
            ),
        ),
    ),
    Installation(
        id="video-platforms",
        name=Words("视频平台：GB/T 28181（WVP-GB28181-pro）", "Video platforms: GB/T 28181 (WVP-GB28181-pro)"),
        covers=Words(
            "摄像机按 GB/T 28181 注册到平台时：每分钟向平台询问各通道是否在线（HTTP 接口）。",
            "Where cameras register to a platform by GB/T 28181: the platform is asked every minute over HTTP which "
            "channels are on line.",
        ),
        settings=_PLATFORM,
        source="nvr",
        kind="video",
        profile="video.platform",
        address="34020000001310000001",
        steps=(
            Words("在平台上建一个专用用户 anlian", "make a user anlian of its own on the platform"),
            Words(
                "密码放进 secrets/platform-password，权限 0640",
                "put the password into secrets/platform-password, mode 0640",
            ),
            Words(
                "url 是平台网页的地址，不带路径；跨网络用 https 或 VPN",
                "url is the address of the platform's pages, without a path; across networks https or a VPN",
            ),
            Words(
                "address 是通道的 20 位国标编号，不是录像机的",
                "address is the channel's code of 20 digits, not the recorder's",
            ),
            Words("拔掉一台摄像机，看是否报视频离线", "unplug a camera and see it go off line"),
        ),
        traps=(
            Words(
                "平台三次无应答只报平台链路故障，不把摄像机都报成离线；此时摄像机状态不明。",
                "Three rounds without an answer are a trouble of the platform's link; its cameras are not called off "
                "line, their states are then not known.",
            ),
            Words(
                "在线只说明设备在平台上注册并有心跳，不证明有画面：能给出 RTSP 地址的摄像机请用 [[cameras]]。",
                "On line says that the device is registered and keeps alive, not that a picture comes: where a camera "
                "has an RTSP address, use [[cameras]].",
            ),
            Words(
                "平台上查不到的通道，三次后按离线处理；录像机离线则其所有通道离线。",
                "A channel that the platform does not know is off line after three rounds; with its recorder all its "
                "channels are off line.",
            ),
        ),
    ),
    mqtt_installation(
        "frigate",
        Words("Frigate", "Frigate"),
        Words(
            "每个摄像机是否真的有画面、帧率、移动、是否有人；录像机自身是否运行。",
            "Whether frames come from each camera, their rate, motion, somebody present; whether the recorder runs.",
        ),
        prefix="h/home-a/frigate",
        kind="video",
        address="gate",
        steps=(
            Words(
                "config.yml：mqtt.topic_prefix: h/home-a/frigate",
                "config.yml: mqtt.topic_prefix: h/home-a/frigate",
            ),
            Words("mqtt.stats_interval: 60（默认）", "mqtt.stats_interval: 60 (the default)"),
            Words("摄像机的名称就是 address", "a camera's name is its address"),
            Words(
                '录像机登记为 kind = "bridge"，address = "bridge"',
                'register the recorder: kind = "bridge", address = "bridge"',
            ),
            Words("逐个拔掉摄像机，看是否报视频离线", "unplug each camera once and see it go off line"),
        ),
        traps=(
            Words(
                "录像机在线不等于摄像机在线：以帧为准（每秒少于 0.1 帧即离线）。",
                "That the recorder runs says nothing of a camera: frames do (below 0.1 a second it is off line).",
            ),
            Words(
                "有人把检测关掉（disabled）就是没人看：按离线处理，事件里写明原因。",
                "A camera whose detection somebody disabled is watched by nobody: it is off line, with the reason.",
            ),
            Words(
                "带图片的主题一律不订阅；alert 只是录像分级，不是报警。",
                "Topics with pictures are not subscribed to; Frigate's word for a class of film is no alarm.",
            ),
        ),
        example=Example(
            "h/home-a/frigate/gate/status/detect",
            b"offline",
            "video.online",
            False,
        ),
    ),
    mqtt_installation(
        "neolink",
        Words("neolink（Reolink 摄像机）", "neolink (Reolink cameras)"),
        Words("摄像机连接、电量、移动。", "Whether a camera is connected, its battery, motion."),
        prefix="neolink",
        kind="video",
        address="hall",
        steps=(
            Words("neolink 的 [mqtt] 指向本院的服务器", "point neolink's [mqtt] at the home's broker"),
            Words(
                "主题以 neolink/ 开头：ACL 允许 neolink/#",
                "its topics begin with neolink/: allow neolink/# in the ACL",
            ),
            Words("摄像机的名称就是 address", "a camera's name is its address"),
            Words(
                '网桥登记为 kind = "bridge"，address = "bridge"',
                'register the bridge: kind = "bridge", address = "bridge"',
            ),
            Words(
                "有 RTSP 的摄像机另写 [[cameras]]，那里能看到帧",
                "where there is RTSP, write [[cameras]] too: that looks at frames",
            ),
        ),
        traps=(
            Words(
                "“connected”只说明连上了，不说明有画面；黑屏和定格看不出来。",
                "connected tells of a connection and not of a picture: black or frozen is not seen.",
            ),
            Words(
                "neolink/config 里有摄像机密码：我们不订阅，也别让别人读到。",
                "neolink/config holds the cameras' passwords: it is not subscribed to, keep others from reading it.",
            ),
        ),
        example=Example(
            "neolink/hall/status",
            b"disconnected",
            "video.online",
            False,
        ),
    ),
    mqtt_installation(
        "wyze",
        Words("docker-wyze-bridge（Wyze 摄像机）", "docker-wyze-bridge (Wyze cameras)"),
        Words("摄像机是否在线。", "Whether a camera is on line."),
        prefix="h/home-a/wyzebridge",
        kind="video",
        address="garden",
        steps=(
            Words("环境变量 MQTT_HOST 指向本院的服务器", "environment: MQTT_HOST is the home's broker"),
            Words("MQTT_TOPIC=h/home-a/wyzebridge", "MQTT_TOPIC=h/home-a/wyzebridge"),
            Words(
                "摄像机的名称（小写、连字符）就是 address",
                "the camera's name (lower case, hyphens) is its address",
            ),
            Words(
                '网桥登记为 kind = "bridge"，address = "bridge"',
                'register the bridge: kind = "bridge", address = "bridge"',
            ),
            Words(
                "桥还提供 RTSP：可另写 [[cameras]] 看帧",
                "the bridge offers RTSP too: write [[cameras]] for frames",
            ),
        ),
        traps=(
            Words(
                "除 online 之外的词都算离线，包括错误名称。",
                "Any word but online is off line, names of errors included.",
            ),
            Words("登录要经过 Wyze 的云。", "Its login passes through Wyze's cloud."),
        ),
        example=Example(
            "h/home-a/wyzebridge/garden/state",
            b"offline",
            "video.online",
            False,
        ),
    ),
)
