"""The words of the stills on an alarm's page and of the cameras on the devices page, in Chinese and English."""

from __future__ import annotations

from typing import Final

STILL_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "stills.title": ("报警时的画面", "Pictures at the alarm"),
    "stills.what": (
        "报警时自动抓拍，仅供处置人员查看；每次查看均有记录，到期自动删除。",
        "Taken when the alarm came, for those who handle it; every look is logged, and they are deleted in time.",
    ),
    "camera.link": ("视频", "Video"),
    "camera.on_line": ("在线", "on line"),
    "camera.off_line": ("离线", "off line"),
    "camera.unknown": ("尚不明", "not known yet"),
    "camera.frame": ("最后一帧", "Last frame"),
    "camera.picture": ("画面", "Picture"),
    "camera.good": ("正常", "good"),
    "camera.blank": ("黑屏或定格", "black or frozen"),
    "camera.not_looked": ("尚未检查", "not looked at yet"),
    "stills.not_operator": (
        "有 {count} 张抓拍画面，您的账号无权查看",
        "There are pictures ({count}); your account may not see them",
    ),
}
