"""The words of the app on the phone, of its enrolment and of its installation, in Chinese and English."""

from __future__ import annotations

from typing import Final

APP_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "app.title": ("我的任务", "My tasks"),
    "app.back": ("我的任务", "My tasks"),
    "app.calls": ("需要有人处理", "Somebody is needed"),
    "app.mine": ("我接手的", "Taken on by me"),
    "app.other": ("已有人处理", "Others have these"),
    "app.none": ("现在没有未结束的事件。", "Nothing is open now."),
    "app.open": ("打开", "Open"),
    "app.left_off": ("另有 {count} 个", "{count} more"),
    "app.shifts": ("我的班次", "My shifts"),
    "app.no_shifts": ("未来 7 天没有您的班次。", "You have no shift within the next 7 days."),
    "app.now": ("当班", "on duty now"),
    "app.leave_post": ("交班", "Hand over"),
    "app.take_post": ("接班", "Take over"),
    "app.leave_other": ("交给谁", "To whom"),
    "app.take_other": ("从谁手里接", "From whom"),
    "app.open_items": ("未完成的事（一行一件）", "Still to be done (one a line)"),
    "app.note": ("备注", "Note"),
    "app.refused_because": ("不能接班时写明原因（否则留空）", "If you cannot take it: why (else leave it empty)"),
    "app.handed_over": ("交接已记录。", "The hand-over is on record."),
    "app.this_phone": ("这部手机", "This phone"),
    "app.who": ("这部手机还不知道您是谁", "This phone does not know yet who you are"),
    "app.who_detail": (
        "请向院内管理员要一个绑定码（或扫二维码），也可以用帐号登录。",
        "Ask an administrator of the home for a code (or scan its QR code), or log in with an account.",
    ),
    "app.code": ("绑定码", "Code"),
    "app.next": ("下一步", "Next"),
    "app.code_bad": (
        "绑定码无效：可能已用过、已过期（2 小时）或输错。请向管理员要一个新的。",
        "This code is not good: used already, expired (2 hours), or mistyped. Ask for a new one.",
    ),
    "app.bind_question": ("这部手机是 {name} 的吗？", "Is this the phone of {name}?"),
    "app.bind_detail": (
        "绑定后，{homes}的报警会显示在这部手机上；在上面按下的按钮都记为 {name} 所为。手机丢失时请管理员撤销。",
        "Once it is enrolled, alarms of {homes} show on it, and every button pressed on it counts as pressed by {name}."
        " If it is lost, have it revoked.",
    ),
    "app.bind": ("是，绑定这部手机", "Yes, enrol this phone"),
    "app.leave": ("解除绑定", "Forget me on this phone"),
    "app.phones_full": (
        "此人已有 8 部手机，或手机总数已满。请先撤销不用的。什么都没有改变。",
        "This person has 8 phones already, or there are too many in all. Revoke one first. Nothing was changed.",
    ),
    "app.phones_unusable": (
        "手机登记表无法写入（磁盘满？）。什么都没有改变，请告诉维护人员。",
        "The table of phones cannot be written (disk full?). Nothing was changed; tell your maintainer.",
    ),
    "app.may_not": (
        "您的帐号只能查看。什么都没有改变。",
        "Your account may only look. Nothing was changed.",
    ),
    "app.unknown_act": ("不认识的按钮，什么都没有改变。", "An unknown button; nothing was changed."),
    "app.support": ("需要支援", "I need support"),
    "app.support_again": ("再叫更多人", "Call even more people"),
    "app.support_hint": ("立即呼叫下一级人员", "calls the next people at once"),
    "app.support_called": (
        "{who} 于 {time} 请求支援，正在呼叫，还没有人应答",
        "{who} needs support since {time}; people are being called, nobody has answered yet",
    ),
    "app.support_mine": (
        "您于 {time} 请求支援，正在呼叫，还没有人应答。",
        "You asked for support at {time}; people are being called, nobody has answered yet.",
    ),
    "app.support_over": ("不用支援了，我来处理", "No support needed, I handle it"),
    "app.false": ("误报", "False alarm"),
    "app.false_hint": ("须填写原因；记为您的复核结论", "needs its cause; recorded as your verdict"),
    "app.cause": ("原因", "Cause"),
    "app.cause_other": ("其他原因或补充", "Another cause, or more about it"),
    "app.cause_needed": (
        "请选择或填写误报原因。什么都没有改变。",
        "Choose or write the cause first. Nothing was changed.",
    ),
    "app.false_done": ("提交：是误报", "Submit: it is a false alarm"),
    "app.script": ("119 怎么说", "What to tell 119"),
    "app.coming": ("谁在路上", "Who is coming"),
    "app.nobody_coming": ("还没有人", "Nobody yet"),
    "app.told": ("已通知", "Told"),
    "app.asked_support": ("请求支援", "asked for support"),
    "app.drawing": ("平面图：{place}", "Floor plan: {place}"),
    "app.help": ("需要帮助的人", "Who needs help"),
    "app.steps": ("处置步骤（做完一项勾一项）", "What to do (tick each step)"),
    "app.tick": ("完成：{step}", "Done: {step}"),
    "app.untick": ("撤销：{step}", "Not done after all: {step}"),
    "app.judged": ("复核结论：{verdict}", "Verdict: {verdict}"),
    "app.sound_on": ("声音已开", "Sound on"),
    "app.sound_off": ("点此打开声音", "Tap for sound"),
    "app.try_sound": ("试响、试振动", "Try sound and vibration"),
    "app.awake_on": ("屏幕常亮：开", "Screen stays on"),
    "app.awake_off": ("屏幕常亮：关", "Screen may sleep"),
    "app.push_on": ("推送：开", "Push: on"),
    "app.push_off": ("打开推送", "Switch push on"),
    "app.push_denied": ("浏览器禁止了推送", "The browser forbids push"),
    "app.push_failed": ("推送打不开，请再试", "Push could not be switched on; try again"),
    "app.install": ("安装到桌面", "Install the app"),
    "app.insecure": (
        "此页面没有加密（HTTP）：浏览器不允许安装、推送和屏幕常亮。页面打开时照常报警。",
        "This page is not encrypted (HTTP): browsers allow neither installation nor push nor a screen that stays on. "
        "While it is open it calls as always.",
    ),
    "app.insecure_link": ("怎样改为加密", "How to change that"),
    "app.no_push": (
        "页面须保持打开并在最前面：锁屏或切走后，只能由推送、短信、电话等通道叫到您。",
        "Keep this page open and in front: behind a locked screen only push, SMS, voice and other channels reach you.",
    ),
    "app.call_look": ("查看", "Look"),
    "app.call_later": ("关闭", "Close"),
    "app.offline": ("没有连上网关", "No connection to the gateway"),
    "app.offline_detail": (
        "现在不知道有没有报警。每 5 秒自动重试。如有危险，请拨打 119，并到现场查看。",
        "Whether there is an alarm is not known now. Trying again every 5 seconds. If there is danger, call 119 and go "
        "and look.",
    ),
    "app.retry": ("立即重试", "Try again now"),
    "cause.cooking": ("油烟、做饭", "cooking"),
    "cause.steam": ("水汽", "steam"),
    "cause.dust": ("灰尘、施工", "dust, building works"),
    "cause.bumped": ("误碰", "bumped by mistake"),
    "cause.smoking": ("吸烟", "smoking"),
    "cause.fault": ("设备故障", "faulty device"),
    "nav.phones": ("手机", "Phones"),
    "phones.title": ("人员的手机", "People's phones"),
    "phones.hint": (
        "绑定码只能用一次，2 小时内有效。请当面把它交给本人：谁用了它，谁就以此人的身份操作。",
        "A code works once, within 2 hours. Give it to the person face to face: whoever uses it acts as this person.",
    ),
    "phones.make": ("生成绑定码", "Make a code"),
    "phones.also": ("也用于", "Also for"),
    "phones.code_for": ("{name} 的绑定码", "Code for {name}"),
    "phones.scan": (
        "用手机扫描，或在手机浏览器打开 {link}",
        "Scan it with the phone, or open {link} in its browser",
    ),
    "phones.none": ("没有手机", "no phone"),
    "phones.since": ("绑定于 {time}，最近使用 {seen}", "enrolled {time}, last used {seen}"),
    "phones.push": ("推送已开", "push is on"),
    "phones.revoke": ("撤销", "Revoke"),
    "app.no_such_person": ("名单上没有此人。什么都没有改变。", "Nobody of this name is listed. Nothing was changed."),
    "app.no_such_phone": ("没有这部手机。什么都没有改变。", "There is no such phone. Nothing was changed."),
    "install.title": ("在手机上使用", "On your phone"),
    "install.address": ("用手机打开", "Open on the phone"),
    "install.ca_title": ("先信任本县（本院）的证书", "First trust the county's (home's) certificate"),
    "install.ca_why": (
        "本网关的证书由自建机构签发。只在网关所在的内网、由管理员陪同时安装；安装前核对指纹与机箱或墙上贴的一致。",
        "This gateway's certificate was signed by an authority of our own. Install it only in the home's network with "
        "an administrator at hand, after comparing the fingerprint with the one on the box or on the wall.",
    ),
    "install.fingerprint": ("SHA-256 指纹", "SHA-256 fingerprint"),
    "install.download": ("下载证书", "Download the certificate"),
    "install.android": ("安卓", "Android"),
    "install.android_steps": (
        "下载证书 → 设置 → 安全 → 更多安全设置 → 加密与凭据 → 安装证书 → CA 证书 → 仍然安装 → 选中下载的文件。",
        "Download it → Settings → Security → More security settings → Encryption & credentials → Install a certificate "
        "→ CA certificate → Install anyway → choose the file.",
    ),
    "install.ios": ("苹果 iPhone / iPad", "iPhone / iPad"),
    "install.ios_steps": (
        "用 Safari 下载证书并允许 → 设置 → 已下载描述文件 → 安装；再到 设置 → 通用 → 关于本机 → 证书信任设置，打开它。",
        "Download it with Safari and allow it → Settings → Profile Downloaded → Install; then Settings → General → "
        "About → Certificate Trust Settings, and switch it on.",
    ),
    "install.harmony": ("鸿蒙", "HarmonyOS"),
    "install.harmony_steps": (
        "下载证书 → 设置 → 安全（隐私和安全）→ 更多安全设置 → 加密和凭据 → 从存储设备安装 → CA 证书 → 选中下载的文件。",
        "Download it → Settings → Security (Privacy & security) → More security settings → Encryption and credentials "
        "→ Install from storage → CA certificate → choose the file.",
    ),
    "install.app_title": ("把它装到桌面", "Put it on the home screen"),
    "install.app_android": (
        "安卓、鸿蒙：打开后点“安装到桌面”，或浏览器菜单 → 添加到主屏幕。",
        "Android, HarmonyOS: open it and tap “Install the app”, or the browser's menu → Add to home screen.",
    ),
    "install.app_ios": (
        "iPhone：Safari 打开 → 分享 → 添加到主屏幕；从桌面图标打开后输入绑定码（推送也只在这样打开后可用）。",
        "iPhone: open it in Safari → Share → Add to Home Screen; open it from there and type the code (push works only "
        "there, too).",
    ),
    "install.no_ca": (
        "此网关没有自建证书机构：如浏览器提示不安全，请联系管理员。",
        "This gateway has no authority of its own: if the browser warns you, ask your administrator.",
    ),
}
