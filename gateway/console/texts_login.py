"""The words of the log-in page: what to enter, and why somebody cannot log in just now."""

from __future__ import annotations

from typing import Final

LOGIN_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "login.title": ("登录", "Log in"),
    "login.name": ("账号", "Account"),
    "login.password": ("密码", "Password"),
    "login.button": ("登录", "Log in"),
    "login.failed": ("账号或密码不对。", "Account or password is wrong."),
    "login.wait_pair": (
        "此账号在您这里 5 分钟内登录失败 5 次，已暂停。请 {age} 后再试；账号没有被锁，在别处仍可登录。"
        "忘记密码请找管理员重设。",
        "5 log-ins to this account failed from here within 5 minutes. Try again in {age}; the account is not locked, "
        "it works from elsewhere. If the password is forgotten, your administrator can set a new one.",
    ),
    "login.wait_address": (
        "您所在的网络地址 5 分钟内登录失败 20 次，已暂停所有账号。请 {age} 后再试，或换一台设备或网络。",
        "20 log-ins failed from your network address within 5 minutes, so all accounts must wait here. Try again in "
        "{age}, or from another device or network.",
    ),
    "login.wait_account": (
        "此账号 5 分钟内在多处登录失败 50 次，已暂停。请 {age} 后再试；"
        "如果不是您本人，可能有人在猜密码，请告诉管理员。",
        "50 log-ins to this account failed from several places within 5 minutes. Try again in {age}; if that was not "
        "you, somebody may be guessing the password: tell your administrator.",
    ),
    "login.wait_busy": (
        "同时登录的人太多，请 {age} 后再试。",
        "Too many people are logging in at the same moment. Try again in {age}.",
    ),
    "login.faulty": (
        "账号文件有错，登录已关闭。请用 anlian check 查看并改正。",
        "The accounts file has a fault, log-in is closed. See anlian check and mend it.",
    ),
    "login.no_accounts": ("尚未配置账号文件。", "No accounts are configured."),
}
