/* The app on the phone: answers on its line, shows calls, rings, shakes, keeps the screen on. live.js keeps it fresh. */
"use strict";
(function () {
  const live = document.getElementById("live");
  const cover = document.getElementById("call");
  const SHAKE_MS = 2500;
  const OPENED = "anlian-opened"; // incidents that were opened by themselves once
  const CALLS = "anlian-calls"; // messages that were shown, by incident, until somebody touches its page
  let line = "";
  let toSay = []; // messages that were shown and not yet told
  let touched = false;

  function store(name, value) {
    try {
      if (value !== undefined) sessionStorage.setItem(name, JSON.stringify(value));
      return JSON.parse(sessionStorage.getItem(name) || "{}");
    } catch (fault) { return {}; } // without a store every page begins anew
  }

  function post(path, said) {
    return fetch(path, {
      method: "POST", credentials: "same-origin", keepalive: true,
      headers: { "Content-Type": "application/json", "X-CSRF": live.dataset.csrf }, body: JSON.stringify(said)
    });
  }

  // the line

  function answer() {
    if (!line) return;
    const visible = document.visibilityState === "visible";
    const shown = visible ? toSay : [];
    toSay = visible ? [] : toSay;
    post("/app/answer", { line: line, visible: visible, shown: shown }).then(function (got) {
      if (!got.ok) toSay = shown.concat(toSay);
    }).catch(function () { toSay = shown.concat(toSay); });
  }

  document.addEventListener("anlian-line", function (event) {
    const stream = event.detail;
    stream.addEventListener("ping", function (said) { line = JSON.parse(said.data).line; answer(); });
    stream.addEventListener("call", function (said) { call(JSON.parse(said.data)); });
  });
  document.addEventListener("visibilitychange", function () { answer(); stay(); });

  // calls

  function incidentPath(said) { return "/app/home/" + encodeURIComponent(said.home) + "/incident/" + encodeURIComponent(said.incident); }

  function here(said) { return decodeURIComponent(location.pathname) === decodeURIComponent(incidentPath(said)); }

  function call(said) {
    if (said.purpose === "test") {
      // The daily test of this line: it is answered, and nobody is bothered.
      toSay.push(said.message);
      answer();
      return;
    }
    const calls = store(CALLS);
    calls[said.incident] = (calls[said.incident] || []).concat(said.message).slice(-8);
    store(CALLS, calls);
    toSay.push(said.message);
    if (!here(said)) {
      document.getElementById("call-title").textContent = said.title;
      document.getElementById("call-text").textContent = said.text;
      document.getElementById("call-look").href = incidentPath(said);
      cover.className = "call-cover " + said.category + (said.purpose === "over" ? " over" : "");
      cover.hidden = false;
      document.getElementById("call-look").focus();
    }
    if (said.purpose !== "over") shake(true);
    answer();
  }

  document.getElementById("call-later").addEventListener("click", function () { cover.hidden = true; });
  cover.addEventListener("keydown", function (event) { if (event.key === "Escape") cover.hidden = true; });

  /* Whoever touches the page of an incident has read the messages about it. */
  function opened() {
    const state = live.querySelector("[data-about]");
    if (!state) return;
    const calls = store(CALLS), mine = calls[state.dataset.about] || [];
    if (!mine.length) return;
    delete calls[state.dataset.about];
    store(CALLS, calls);
    mine.forEach(function (message) { post("/app/receipt", { message: message, opened: true }).catch(function () { /* told by the button, too */ }); });
  }

  // what the page shows now

  function calls() { return live.querySelector('[data-sounding="yes"]') !== null; }

  /* A danger that nobody has opens by itself, once. */
  function follow() {
    const tasks = live.querySelector("[data-calling]");
    const path = tasks ? tasks.dataset.calling : "";
    if (!path || document.visibilityState !== "visible") return;
    const seen = store(OPENED);
    if (seen[path]) return;
    seen[path] = true;
    store(OPENED, seen);
    location.assign(path);
  }

  let shookAt = -SHAKE_MS;
  function shake(now) {
    if (!navigator.vibrate || !touched || document.visibilityState !== "visible") return;
    if (!now && (!calls() || performance.now() - shookAt < SHAKE_MS)) return;
    shookAt = performance.now();
    navigator.vibrate([600, 200, 600, 200]);
  }

  // the screen stays on

  const awake = document.getElementById("awake");
  let lock = null;
  let wanted = false;
  try { wanted = localStorage.getItem("anlian-awake") === "yes"; } catch (fault) { wanted = false; }

  function stay() {
    if (!("wakeLock" in navigator)) return;
    if (awake) {
      awake.hidden = false;
      awake.setAttribute("aria-pressed", wanted ? "true" : "false");
      awake.textContent = wanted ? awake.dataset.on : awake.dataset.off;
    }
    const on = document.visibilityState === "visible" && (wanted || live.querySelector('[data-awake="yes"]') !== null);
    if (on && lock === null) {
      lock = "asked";
      navigator.wakeLock.request("screen").then(function (got) {
        lock = got;
        got.addEventListener("release", function () { lock = null; });
      }).catch(function () { lock = null; }); // the battery is low: the phone decides
    } else if (!on && lock !== null && lock !== "asked") {
      lock.release();
      lock = null;
    }
  }

  if (awake) awake.addEventListener("click", function () {
    wanted = !wanted;
    try { localStorage.setItem("anlian-awake", wanted ? "yes" : "no"); } catch (fault) { /* until the page is closed */ }
    stay();
  });

  // sound and vibration, tried

  const attempt = document.getElementById("try");
  if (attempt) attempt.addEventListener("click", function () {
    touched = true;
    document.dispatchEvent(new CustomEvent("anlian-beep"));
    if (navigator.vibrate) navigator.vibrate([600, 200, 600]);
  });

  // the worker, web push, installation: only where the browser allows them

  const push = document.getElementById("push");
  let worker = null;

  function show(words, on) {
    push.hidden = false;
    push.textContent = push.dataset[words];
    push.setAttribute("aria-pressed", on ? "true" : "false");
  }

  function tell(subscription) {
    const said = subscription ? subscription.toJSON() : null;
    const place = said ? { endpoint: said.endpoint, p256dh: said.keys.p256dh, auth: said.keys.auth } : {};
    return post("/app/push", place).then(function (got) {
      if (!got.ok) throw new Error("status " + got.status);
      push.dataset.known = said ? "yes" : "no";
      show(said ? "on" : "off", Boolean(said));
    });
  }

  function bytes(text) {
    const raw = atob((text + "===".slice((text.length + 3) % 4)).replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(raw, function (letter) { return letter.charCodeAt(0); });
  }

  function sameKey(subscription) {
    const own = new Uint8Array(subscription.options.applicationServerKey || new ArrayBuffer(0)), key = bytes(push.dataset.key);
    return own.length === key.length && own.every(function (value, at) { return value === key[at]; });
  }

  function offer() {
    if (!push || !("PushManager" in window) || !("Notification" in window) || !worker) return;
    worker.pushManager.getSubscription().then(function (found) {
      if (Notification.permission === "denied") { show("denied", false); return null; }
      if (found && !sameKey(found)) return found.unsubscribe().then(function () { return tell(null); });
      if (found) { show("on", true); return push.dataset.known === "yes" ? null : tell(found); }
      show("off", false);
      return push.dataset.known === "yes" ? tell(null) : null;
    }).catch(function () { show("failed", false); });
  }

  if (push) push.addEventListener("click", function () {
    push.disabled = true;
    worker.pushManager.getSubscription().then(function (found) {
      if (found) return found.unsubscribe().then(function () { return tell(null); });
      return Notification.requestPermission().then(function (said) {
        if (said !== "granted") { show("denied", false); return null; }
        return worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(push.dataset.key) }).then(tell);
      });
    }).catch(function () { show("failed", false); }).finally(function () { push.disabled = false; });
  });

  if ("serviceWorker" in navigator && window.isSecureContext) {
    navigator.serviceWorker.register("/app/worker.js", { scope: "/app" })
      .then(function () { return navigator.serviceWorker.ready; })
      .then(function (ready) { worker = ready; offer(); })
      .catch(function () { /* a page without a worker still calls while it is open */ });
  }

  const install = document.getElementById("install");
  let offered = null;
  window.addEventListener("beforeinstallprompt", function (event) {
    event.preventDefault();
    offered = event;
    if (install) install.hidden = false;
  });
  if (install) install.addEventListener("click", function () {
    install.hidden = true;
    if (offered) offered.prompt();
  });

  // all together

  ["pointerdown", "keydown"].forEach(function (name) {
    document.addEventListener(name, function () { touched = true; opened(); });
  });
  new MutationObserver(function () { follow(); stay(); }).observe(live, { childList: true, subtree: true });
  setInterval(function () { shake(false); }, 500);
  follow();
  stay();
})();
