"""The words of the page of supported devices that belong to no single ecosystem, in both languages."""

from __future__ import annotations

from typing import Final

_EN: Final[dict[str, str]] = {
    "head": (
        "<!-- Made by `anlian devices-page` from the catalogue; changes by hand are lost. -->\n"
        "# Devices that the gateway understands\n"
        "\n"
        "[中文](devices.zh-CN.md)\n"
        "\n"
        "For each ecosystem: what is covered, the points it gives, how to connect it, and the traps an "
        "installer should know. The\n"
        "snippets are checked by the tests, and so are the messages to try. They belong into a main file "
        "that has a broker named\n"
        "`box` (`deploy/example.toml` shows all of it) and into the site file of home `home-a` with a zone "
        "`floor-1`. Topics below\n"
        "`h/home-a/` fit the ACL in `deploy/mosquitto`; where a device's topics have a root of their own, "
        "allow that root as well.\n"
        "\n"
        "What would the gateway make of a message? `anlian decode --topic TOPIC FILE` says so without any\n"
        "settings; it knows an ecosystem by its own topics, so leave out what the home puts in front\n"
        "(`h/home-a/`). What it cannot read, `--report FILE` writes down for us without personal data. A\n"
        "device that is heard and not registered is listed in the\n"
        "console, where a person adopts it; its fire, gas and SOS alarms are raised from the first packet on.\n"
        "\n"
        "A value that cannot be believed is refused or marked bad, never guessed: wrong is worse than "
        "missing. So is silence: a\n"
        "device that never reported, or not for its limit, is a trouble. After connecting, press every "
        "device's test button."
    ),
    "no_gold": (
        "**No profile has the grade gold: nothing here was tested by us on hardware.** Bronze is proven by "
        "golden messages, silver has silence and battery supervised as well."
    ),
    "points_of_messages": "Points proven by golden messages:",
    "points_of_kinds": "Points:",
    "main_file": "main file",
    "site_file": "site file of home-a",
    "gives": "gives `{point}` = `{value}` of `{address}`.",
    "binary": "{bytes} bytes of protobuf",
    "traps": "Traps:",
    "kinds": (
        "## Kinds of devices and their profiles\n"
        "\n"
        "`kind` in the site file takes the first row of its kind; `profile` takes another. A device that is "
        "silent beyond its limit is a trouble (`silence_limit` in the site file changes it). Alarms of "
        "danger stay until a person resets them; where clears are not trusted, what a device or bridge says "
        "of the end is not believed either, and whoever resets states that it was checked on site. A value "
        "outside of its limits, or a sentinel (what a missing probe says) on a point that has limits or is a "
        "gas level, is of bad quality: it is kept and decides nothing. The danger is what is raised when the "
        "device spoke and nobody could read it."
    ),
    "kinds_head": ("| profile | device | silence limit | clears trusted | danger | limits | sentinels | grade |"),
    "kind_points": (
        "Points of each kind (a device has those that it sends; others than these are kept and shown too):"
    ),
    "points": (
        "## Points\n"
        "\n"
        "`#` is a number from 1 to 64 (of `relay` and `input` also a letter). A danger is raised even for a "
        "device that nobody registered, unless its source is `registered_only`."
    ),
    "points_head": "| point | unit | values | meaning | danger |",
    "state": "true, false",
    "level": "number",
    "count": "running count",
    "text": "text",
    "yes": "yes",
    "no": "no",
    "s": "s",
    "min": "min",
    "h": "h",
}

_ZH: Final[dict[str, str]] = {
    "head": (
        "<!-- 由 `anlian devices-page` 根据目录生成；手工改动会丢失。 -->\n"
        "# 网关认得的设备\n"
        "\n"
        "[English](devices.md)\n"
        "\n"
        "每种生态：覆盖什么、给出哪些点、怎样接入、安装人员要当心什么。配置片段和试用报文都由测试检查。片段写"
        "进主文件（其中有名为\n"
        "`box` 的 broker，完整写法见 `deploy/example.toml`）和 `home-a` 院的站点文件（其中有区域 `floor-1`）"
        "。`h/home-a/` 之下的主题\n"
        "符合 `deploy/mosquitto` 里的 ACL；设备主题的根固定时，还要在 ACL 里放行那个根。\n"
        "\n"
        "网关会怎样理解一条报文？`anlian decode --topic 主题 文件` 不需要任何配置就能回答；它按生态自己的主题辨认，\n"
        "所以去掉本院加在前面的 `h/home-a/`。读不懂的，用 `--report 文件` 写下来给我们，不含个人信息。\n"
        "听到而未登记的设备列在控制台里，由人登记；它的火警、燃气、求助从第一个报文起就会报。\n"
        "\n"
        "不可信的值一律拒收或标为坏值，从不猜：错比缺更糟。沉默也一样：从未上报、或超过时限没有上报的设备都是"
        "故障。接好之后，逐个按\n"
        "设备的自检键。"
    ),
    "no_gold": (
        "**没有任何类别达到 gold：这里的一切都没有在我们手里的真实设备上测试过。** bronze 有标准报文验证，"
        "silver 另外监督沉默和电池。"
    ),
    "points_of_messages": "标准报文验证过的点：",
    "points_of_kinds": "点：",
    "main_file": "主文件",
    "site_file": "home-a 的站点文件",
    "gives": "得到 `{address}` 的 `{point}` = `{value}`。",
    "binary": "{bytes} 字节 protobuf",
    "traps": "当心：",
    "kinds": (
        "## 设备类别与档案\n"
        "\n"
        "站点文件里的 `kind` 取该类第一行；`profile` 取其他行。沉默超过时限是故障（站点文件的 "
        "`silence_limit` 可改）。危险报警由人复位；“恢复可信”为否时，设备或网桥说的“恢复”也不算数，复位的"
        "人须声明已到现场查看。超出限值的值，以及出现在有限值的点或燃气浓度上的占位值（没有探头时的读数），都"
        "是坏值：保留，但不参与判定。“危险”是设备说了话而无人能读懂时报的类别。"
    ),
    "kinds_head": "| 档案 | 设备 | 沉默时限 | 恢复可信 | 危险 | 限值 | 占位值 | 等级 |",
    "kind_points": "每类的点（设备上报哪些就有哪些；此外的点也保留并显示）：",
    "points": (
        "## 点\n"
        "\n"
        "`#` 是 1 到 64 的编号（`relay` 和 `input` 也可以是一个字母）。危险即使来自未登记的设备也会报警，除非"
        "其来源写了 `registered_only`。"
    ),
    "points_head": "| 点 | 单位 | 值 | 含义 | 危险 |",
    "state": "true、false",
    "level": "数值",
    "count": "累计数",
    "text": "文字",
    "yes": "是",
    "no": "否",
    "s": "秒",
    "min": "分",
    "h": "小时",
}

PAGE_TEXTS: Final[dict[str, dict[str, str]]] = {"en": _EN, "zh": _ZH}
"""By language, then by name. Both languages have the same names."""
