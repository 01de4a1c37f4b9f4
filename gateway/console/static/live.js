/* Keeps a live page live, and covers it when it is not. A page that cannot be believed must not look alive. */
"use strict";
(function () {
  const LOST_MS = 5000; // without a heartbeat for so long, the page is covered
  const PHONE_LOST_MS = 9000; // the phone page asks every 3 s; three missed answers
  const POLL_MS = 3000;
  const REFRESH_MS = 10000; // silence limits pass without anything happening: ask anew
  const FETCH_MS = 4500;

  const live = document.getElementById("live");
  const overlay = document.getElementById("overlay");
  const box = overlay.firstElementChild;
  const line = live.dataset.line || ""; // a page of the app: it has a line of its own
  const phone = document.body.classList.contains("phone") && !line;
  const connection = document.getElementById("connection");
  const clock = document.getElementById("clock");
  const announce = document.getElementById("announce");
  const sound = document.getElementById("sound");
  const title = document.title;
  const zh = document.documentElement.lang.indexOf("zh") === 0;

  let stream = null;
  let beatAt = elapsed(); // the last sign of life
  let beatWall = Date.now();
  let freshAt = elapsed(); // the last whole fragment
  let wanted = 0; // the version that the server announced
  let shown = -1; // the version on the page
  let fetching = false;
  let covered = false;
  let ended = false;
  let serverBase = Date.parse(live.dataset.now);
  let serverMark = elapsed();
  let dayBase = Number(live.dataset.daySeconds);
  let lastClock = clock ? clock.textContent : "";
  let known = null; // the rows seen so far, to tell a new one

  function elapsed() { return performance.now(); }
  function serverNow() { return serverBase + (elapsed() - serverMark); }

  /* performance.now() may stand still while the machine sleeps; the wall clock does not. */
  function sinceBeat() { return Math.max(elapsed() - beatAt, Date.now() - beatWall); }

  function alive() { beatAt = elapsed(); beatWall = Date.now(); }

  // ages

  function pad(number) { return (number < 10 ? "0" : "") + number; }

  function ageWords(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    const s = whole % 60, m = Math.floor(whole / 60) % 60, h = Math.floor(whole / 3600) % 24;
    const d = Math.floor(whole / 86400);
    const u = zh ? ["天", "小时", "分", "秒"] : [" d ", " h ", " min ", " s"];
    if (d) return (d + u[0] + h + u[1]).trim();
    if (h) return (h + u[1] + pad(m) + u[2]).trim();
    if (m) return (m + u[2] + pad(s) + u[3]).trim();
    return (s + u[3]).trim();
  }

  function clockWords() {
    const t = Math.floor(dayBase + (elapsed() - serverMark) / 1000) % 86400;
    return pad(Math.floor(t / 3600)) + ":" + pad(Math.floor(t / 60) % 60) + ":" + pad(t % 60);
  }

  function tick() {
    const now = serverNow();
    live.querySelectorAll("[data-age-of]").forEach(function (node) {
      const age = (now - Date.parse(node.dataset.ageOf)) / 1000;
      node.textContent = ageWords(age);
      const limit = node.dataset.limit;
      if (limit && age > Number(limit)) silent(node.closest("[data-device]"));
    });
    if (clock && !covered) clock.textContent = clockWords();
  }

  /* A device that passes its limit goes grey by itself, before anybody says so. */
  function silent(device) {
    if (!device || device.classList.contains("silent")) return;
    device.classList.remove("heard", "alarm");
    device.classList.add("silent");
    const state = device.querySelector(".state");
    if (state) state.textContent = device.dataset.silentWords;
  }

  // the cover

  function cover(kind) {
    covered = true;
    overlay.hidden = false;
    document.body.classList.add("covered");
    if (connection) {
      connection.classList.remove("live");
      connection.querySelector(".words").textContent = connection.dataset.off;
    }
    const text = function (id, words) {
      const node = document.getElementById(id);
      if (node.textContent !== words) node.textContent = words;
    };
    if (kind === "ended") {
      text("overlay-title", box.dataset.ended);
      text("overlay-detail", box.dataset.endedDetail);
      document.getElementById("overlay-login").hidden = false;
    } else {
      text("overlay-title", box.dataset.lost);
      text("overlay-detail", box.dataset.stale);
      document.getElementById("overlay-login").hidden = true;
    }
    text("overlay-since", box.dataset.since.split("{}").join(lastClock) + " (" + ageWords(sinceBeat() / 1000) + ")");
  }

  function showLive() {
    if (!connection || !isOpen() || covered || shown < 0) return;
    connection.classList.add("live");
    connection.querySelector(".words").textContent = connection.dataset.on;
  }

  function uncover() {
    covered = false;
    overlay.hidden = true;
    document.body.classList.remove("covered");
  }

  function watch() {
    const limit = phone ? PHONE_LOST_MS : LOST_MS;
    const silentFor = sinceBeat();
    const behind = wanted !== shown && elapsed() - behindSince > limit;
    const unread = behind || elapsed() - freshAt > REFRESH_MS + limit;
    if (ended) {
      cover("ended");
      if (!fetching) refresh();
    } else if (silentFor > limit || unread) {
      cover("lost");
    } else if (covered && !fetching) {
      refresh();
    }
    if (!phone && silentFor > limit) connect(); // a half-open connection never tells
    if (!ended && elapsed() - freshAt > (phone ? POLL_MS : REFRESH_MS)) refresh();
  }

  /* From the first change that is not on the page yet: later ones do not start the count anew. */
  let behindSince = elapsed();
  function want(version) {
    if (wanted === shown) behindSince = elapsed();
    wanted = version;
    if (wanted !== shown) refresh();
  }

  // the fragment

  function address() {
    const url = new URL(location.href);
    url.hash = "";
    url.searchParams.delete("done");
    url.searchParams.set("fragment", "1");
    const who = live.querySelector("[data-as]");
    if (who) url.searchParams.set("as", who.dataset.as);
    return url.pathname + url.search;
  }

  function refresh() {
    if (fetching) return;
    fetching = true;
    const stop = new AbortController();
    const timer = setTimeout(function () { stop.abort(); }, FETCH_MS);
    fetch(address(), { cache: "no-store", redirect: "error", signal: stop.signal })
      .then(function (answer) {
        if (answer.status === 401) { ended = true; throw new Error("logged out"); }
        if (!answer.headers.has("x-version")) {
          if (answer.status === 404 || answer.status === 410) location.assign(location.pathname);
          throw new Error("status " + answer.status);
        }
        ended = false;
        const version = Number(answer.headers.get("x-version"));
        return answer.text().then(function (text) { put(text, version); });
      })
      .catch(function () { /* the watch sees that nothing fresh came, and covers the page */ })
      .finally(function () {
        clearTimeout(timer);
        fetching = false;
        if (!ended && wanted > shown) setTimeout(refresh, 300);
      });
  }

  function put(text, version) {
    const focused = document.activeElement && document.activeElement.id;
    swap(text);
    if (focused && live.querySelector("#" + CSS.escape(focused))) document.getElementById(focused).focus();
    shown = version;
    if (phone) { alive(); wanted = version; lastClock = clockWords(); }
    if (wanted < version) wanted = version;
    behindSince = elapsed();
    freshAt = elapsed();
    if (covered && sinceBeat() < (phone ? PHONE_LOST_MS : LOST_MS) && (phone || isOpen())) uncover();
    showLive();
    tick();
    compare();
  }

  /* What says the same stays the node it was: a press or a choice that is under way is not lost. */
  function swap(text) {
    const fresh = document.createElement("div");
    fresh.innerHTML = text;
    const before = Array.from(live.children), after = Array.from(fresh.children);
    if (before.length === after.length) {
      before.forEach(function (node, at) {
        if (!node.dataset.says || node.dataset.says !== after[at].dataset.says) node.replaceWith(after[at]);
      });
      return;
    }
    const chosen = live.querySelector("input[type=radio]:checked");
    live.innerHTML = text;
    const again = chosen && live.querySelector('input[type=radio][value="' + CSS.escape(chosen.value) + '"]');
    if (again) again.checked = true;
  }

  // new rows: said to a screen reader, sounded and flashed

  function compare() {
    const rows = new Map();
    live.querySelectorAll("[data-row]").forEach(function (row) { rows.set(row.dataset.row, row); });
    if (known !== null) {
      rows.forEach(function (row, id) {
        if (!known.has(id)) {
          row.classList.add("fresh");
          announce.textContent = row.dataset.title;
        }
      });
    }
    known = new Set(rows.keys());
    ring(live.querySelector('[data-sounding="yes"]') !== null);
  }

  let ringing = false;
  let audio = null;
  let lit = false;

  function ring(on) {
    ringing = on;
    if (!on) { document.title = title; }
    showSound();
  }

  function showSound() {
    if (!sound) return;
    const on = audio !== null && audio.state === "running";
    sound.textContent = on ? sound.dataset.on : sound.dataset.off;
    sound.setAttribute("aria-pressed", on ? "true" : "false");
    sound.classList.toggle("needed", ringing && !on);
  }

  function beep() {
    if (!ringing) return;
    lit = !lit;
    document.title = lit ? "‼ " + live.dataset.alarmWords + " ‼" : title;
    tone();
  }

  function tone() {
    if (audio === null || audio.state !== "running") return;
    const wave = audio.createOscillator();
    const volume = audio.createGain();
    wave.type = "square";
    wave.frequency.value = lit ? 960 : 770;
    volume.gain.value = 0.15;
    wave.connect(volume);
    volume.connect(audio.destination);
    wave.start();
    wave.stop(audio.currentTime + 0.4);
  }

  /* Browsers let a page sound only after somebody touched it. */
  function gesture() {
    if (!sound) return;
    const Context = window.AudioContext || window.webkitAudioContext;
    if (!Context) return;
    if (audio === null) audio = new Context();
    audio.resume().then(showSound, showSound);
  }

  // the connection

  function isOpen() { return stream !== null && stream.readyState === EventSource.OPEN; }

  let connectedAt = -1e9;
  function connect() {
    if (elapsed() - connectedAt < 2000) return;
    connectedAt = elapsed();
    if (stream) stream.close();
    stream = new EventSource(line || "/events?home=" + encodeURIComponent(live.dataset.home));
    document.dispatchEvent(new CustomEvent("anlian-line", { detail: stream }));
    stream.addEventListener("beat", function (event) {
      const said = JSON.parse(event.data);
      alive();
      serverBase = Date.parse(said.now);
      dayBase = said.day_seconds;
      serverMark = elapsed();
      lastClock = said.clock;
      want(said.version);
      showLive();
    });
    stream.addEventListener("change", function (event) { want(JSON.parse(event.data).version); });
    stream.addEventListener("ended", function () { stream.close(); refresh(); });
  }

  ["pointerdown", "keydown"].forEach(function (name) { document.addEventListener(name, gesture); });
  document.addEventListener("anlian-beep", function () { setTimeout(tone, 50); setTimeout(tone, 650); });
  window.addEventListener("pageshow", function (event) { if (event.persisted) location.reload(); });
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { watch(); } });
  window.addEventListener("offline", function () { if (!phone) { watch(); } });

  // The other scripts of the page have to be there to hear of the line.
  if (!phone) document.addEventListener("DOMContentLoaded", connect);
  refresh();
  tick();
  setInterval(function () { tick(); watch(); }, 500);
  setInterval(beep, 500);
})();
