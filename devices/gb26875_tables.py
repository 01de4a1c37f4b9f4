"""The code tables of GB/T 26875.3-2011: systems, components, quantities, types and bits, in Chinese and English."""

from __future__ import annotations

from typing import Final

import msgspec


class Name(msgspec.Struct, frozen=True):
    """What a code means, in the standard's words and in English."""

    zh: str
    en: str


class Quantity(msgspec.Struct, frozen=True):
    """An analogue quantity (table 6): the point it becomes, what one raw step is worth, and its valid range."""

    zh: str
    en: str
    point: str
    unit: str
    step: float
    lowest: float
    highest: float


def _names(rows: str) -> dict[int, Name]:
    """`code 中文 English words` a line."""
    found = {}
    for row in rows.strip().splitlines():
        code, zh, en = row.split(maxsplit=2)
        found[int(code)] = Name(zh, en)
    return found


SYSTEMS: Final = _names("""
0 通用 general
1 火灾报警系统 fire alarm system
10 消防联动控制器 fire linkage controller
11 消火栓系统 hydrant system
12 自动喷水灭火系统 sprinkler system
13 气体灭火系统 gas extinguishing system
14 水喷雾灭火系统(泵启动方式) water spray system (started by pump)
15 水喷雾灭火系统(压力容器启动方式) water spray system (started by pressure vessel)
16 泡沫灭火系统 foam extinguishing system
17 干粉灭火系统 dry powder extinguishing system
18 防烟排烟系统 smoke control system
19 防火门及卷帘系统 fire doors and shutters
20 消防电梯 fire lift
21 消防应急广播 emergency public address
22 消防应急照明和疏散指示系统 emergency lighting and escape signs
23 消防电源 fire power supply
24 消防电话 fire telephone
""")
"""Table 4. 2 to 9 and 25 to 127 are reserved, 128 to 255 the user's."""

PARTS: Final = _names("""
0 通用 general
1 火灾报警控制器 fire alarm control unit
10 可燃气体探测器 combustible gas detector
11 点型可燃气体探测器 point combustible gas detector
12 独立式可燃气体探测器 stand-alone combustible gas detector
13 线型可燃气体探测器 line combustible gas detector
16 电气火灾监控报警器 electrical fire monitor
17 剩余电流式电气火灾监控探测器 residual-current electrical fire detector
18 测温式电气火灾监控探测器 temperature electrical fire detector
21 探测回路 detection loop
22 火灾显示盘 fire display panel
23 手动火灾报警按钮 manual call point
24 消火栓按钮 hydrant button
25 火灾探测器 fire detector
30 感温火灾探测器 heat detector
31 点型感温火灾探测器 point heat detector
32 点型感温火灾探测器(S型) point heat detector (type S)
33 点型感温火灾探测器(R型) point heat detector (type R)
34 线型感温火灾探测器 line heat detector
35 线型感温火灾探测器(S型) line heat detector (type S)
36 线型感温火灾探测器(R型) line heat detector (type R)
37 光纤感温火灾探测器 fibre heat detector
40 感烟火灾探测器 smoke detector
41 点型离子感烟火灾探测器 point ionisation smoke detector
42 点型光电感烟火灾探测器 point photoelectric smoke detector
43 线型光束感烟火灾探测器 beam smoke detector
44 吸气式感烟火灾探测器 aspirating smoke detector
50 复合式火灾探测器 combined fire detector
51 复合式感烟感温火灾探测器 combined smoke and heat detector
52 复合式感光感温火灾探测器 combined flame and heat detector
53 复合式感光感烟火灾探测器 combined flame and smoke detector
61 紫外火焰探测器 ultraviolet flame detector
62 红外火焰探测器 infrared flame detector
69 感光火灾探测器 flame detector
74 气体探测器 gas detector
78 图像摄像方式火灾探测器 video fire detector
79 感声火灾探测器 acoustic fire detector
81 气体灭火控制器 gas extinguishing controller
82 消防电气控制装置 electrical control unit
83 消防控制室图形显示装置 control room display
84 模块 module
85 输入模块 input module
86 输出模块 output module
87 输入/输出模块 input and output module
88 中继模块 relay module
91 消防水泵 fire pump
92 消防水箱 fire water tank
95 喷淋泵 sprinkler pump
96 水流指示器 water flow indicator
97 信号阀 signal valve
98 报警阀 alarm valve
99 压力开关 pressure switch
101 阀驱动装置 valve actuator
102 防火门 fire door
103 防火阀 fire damper
104 通风空调 ventilation and air conditioning
105 泡沫液泵 foam pump
106 管网电磁阀 network solenoid valve
111 防烟排烟风机 smoke control fan
113 排烟防火阀 smoke exhaust fire damper
114 常闭送风口 normally closed air supply opening
115 排烟口 smoke exhaust opening
116 电控挡烟垂壁 electric smoke curtain
117 防火卷帘控制器 fire shutter controller
118 防火门监控器 fire door monitor
121 警报装置 alarm sounder
""")
"""Table 5. Codes that are not here up to 127 are reserved, 128 to 255 the user's."""

MANUAL_CALL_PARTS: Final = frozenset({23})
GAS_PARTS: Final = frozenset({10, 11, 12, 13, 74})
CABLE_PARTS: Final = frozenset({18})

QUANTITIES: Final[dict[int, Quantity]] = {
    1: Quantity("事件计数", "count of events", "event.count", "件", 1.0, 0.0, 32000.0),
    2: Quantity("高度", "height", "height", "m", 0.01, 0.0, 320.0),
    3: Quantity("温度", "temperature", "temperature", "℃", 0.1, -273.0, 3200.0),
    4: Quantity("压力", "pressure", "pressure", "MPa", 0.1, 0.0, 3200.0),
    5: Quantity("压力", "pressure", "pressure", "kPa", 0.1, 0.0, 3200.0),
    6: Quantity("气体浓度", "gas concentration", "gas.lel", "%LEL", 0.1, 0.0, 100.0),
    7: Quantity("时间", "time", "duration", "s", 1.0, 0.0, 32000.0),
    8: Quantity("电压", "voltage", "voltage.a", "V", 0.1, 0.0, 3200.0),
    9: Quantity("电流", "current", "current.a", "A", 0.1, 0.0, 3200.0),
    10: Quantity("流量", "flow", "flow", "L/s", 0.1, 0.0, 3200.0),
    11: Quantity("风量", "air volume", "air.volume", "m³/min", 0.1, 0.0, 3200.0),
    12: Quantity("风速", "air speed", "air.speed", "m/s", 1.0, 0.0, 20.0),
}
"""Table 6. Type 9 has steps of 0.1 A: a residual current in mA needs a type of the user's (128 to 255)."""

TYPES: Final = _names("""
1 上传建筑消防设施系统状态 state of a system
2 上传建筑消防设施部件运行状态 state of a component
3 上传建筑消防设施部件模拟量值 analogue value of a component
4 上传建筑消防设施操作信息 operation at a system
5 上传建筑消防设施软件版本 software version of a system
6 上传建筑消防设施系统配置情况 set-up of a system
7 上传建筑消防设施部件配置情况 set-up of a component
8 上传建筑消防设施系统时间 clock of a system
21 上传用户信息传输装置运行状态 state of the transmission device
24 上传用户信息传输装置操作信息 operation at the transmission device
25 上传用户信息传输装置软件版本 software version of the transmission device
26 上传用户信息传输装置配置情况 set-up of the transmission device
28 上传用户信息传输装置系统时间 clock of the transmission device
61 读建筑消防设施系统状态 read the state of a system
62 读建筑消防设施部件运行状态 read the state of a component
63 读建筑消防设施部件模拟量值 read an analogue value of a component
64 读建筑消防设施操作信息 read operations at a system
65 读建筑消防设施软件版本 read the software version of a system
66 读建筑消防设施系统配置情况 read the set-up of a system
67 读建筑消防设施部件配置情况 read the set-up of a component
68 读建筑消防设施系统时间 read the clock of a system
81 读用户信息传输装置运行状态 read the state of the transmission device
84 读用户信息传输装置操作信息记录 read operations at the transmission device
85 读用户信息传输装置软件版本 read the software version of the transmission device
86 读用户信息传输装置配置情况 read the set-up of the transmission device
88 读用户信息传输装置系统时间 read the clock of the transmission device
89 初始化用户信息传输装置 initialise the transmission device
90 同步用户信息传输装置时钟 set the clock of the transmission device
91 查岗命令 duty check
""")
"""Table 3 without what is reserved."""

OPERATIONS: Final[tuple[str, ...]] = (
    "reset",
    "silence",
    "manual_alarm",
    "alarm_cleared",
    "self_test",
    "acknowledge",
    "test",
)
"""Bits 0 to 6 of the operation flag of a panel (figure 9)."""

DEVICE_OPERATIONS: Final[tuple[str, ...]] = (
    "reset",
    "silence",
    "manual_alarm",
    "alarm_cleared",
    "self_test",
    "duty_check_answer",
    "test",
)
"""Bits 0 to 6 of the operation flag of a transmission device (figure 14): only bit 5 differs."""

# Bits of the states (figures 6, 7 and 13). Bit 0 is 1 in normal operation, 0 in test: it marks, and never suppresses.
NORMAL: Final = 1 << 0
FIRE: Final = 1 << 1
FAULT: Final = 1 << 2
SHIELDED: Final = 1 << 3
SUPERVISORY: Final = 1 << 4
STARTED: Final = 1 << 5
FEEDBACK: Final = 1 << 6
DELAYED: Final = 1 << 7
MAINS_FAULT: Final = 1 << 8
"""Of a system; a component has its power fault here."""
POWER_FAULT: Final = 1 << 8
BATTERY_FAULT: Final = 1 << 9
BUS_FAULT: Final = 1 << 10
MANUAL: Final = 1 << 11
SETUP_CHANGED: Final = 1 << 12
RESET: Final = 1 << 13

DEVICE_MAINS_FAULT: Final = 1 << 3
DEVICE_BATTERY_FAULT: Final = 1 << 4
DEVICE_CHANNEL_FAULT: Final = 1 << 5
DEVICE_LINE_FAULT: Final = 1 << 6

OPERATION_RESET: Final = 1 << 0
OPERATION_SILENCE: Final = 1 << 1
OPERATION_MANUAL_ALARM: Final = 1 << 2
OPERATION_ALARM_CLEARED: Final = 1 << 3
OPERATION_ACKNOWLEDGE: Final = 1 << 5
OPERATION_DUTY_ANSWER: Final = 1 << 5

# The TANDA dialect's own codes, as far as they are known.
TANDA_PARTS: Final = {53: 17, 78: 42}
TANDA_FIRE: Final = 1
TANDA_FAULT: Final = 20
TANDA_FAULT_OVER: Final = 40


def system_name(code: int) -> Name:
    """The name of a system type; a reserved or user-defined code is shown as its number."""
    return SYSTEMS.get(code) or Name(f"系统类型{code}", f"system type {code}")


def part_name(code: int) -> Name:
    """The name of a component type; a reserved or user-defined code is shown as its number."""
    return PARTS.get(code) or Name(f"部件类型{code}", f"component type {code}")
