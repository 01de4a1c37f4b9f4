/* The worker of the app: keeps what the page is made of, says so without a line, and shows what was pushed. */
"use strict";
const STORE = "{{ store }}";
const OFFLINE = "/app/offline";
const FILES = [OFFLINE{% for name in files %}, "/static/{{ name }}"{% endfor %}];

self.addEventListener("install", function (event) {
  event.waitUntil(caches.open(STORE)
    .then(function (store) { return store.addAll(FILES.map(function (name) { return new Request(name, { cache: "reload" }); })); })
    .then(function () { return self.skipWaiting(); }));
});

self.addEventListener("activate", function (event) {
  event.waitUntil(caches.keys()
    .then(function (names) { return Promise.all(names.filter(function (name) { return name !== STORE; }).map(function (name) { return caches.delete(name); })); })
    .then(function () { return self.clients.claim(); }));
});

/* Pages come from the gateway or not at all: an old one would look like now. Only their files come from the store. */
self.addEventListener("fetch", function (event) {
  const request = event.request;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(function () { return caches.match(OFFLINE); }));
    return;
  }
  const path = new URL(request.url).pathname;
  if (path.indexOf("/static/") === 0) {
    event.respondWith(caches.match(path).then(function (kept) { return kept || fetch(request); }));
  }
});

function receipt(message, opened) {
  return fetch("/app/receipt", {
    method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ message: message, opened: opened })
  }).catch(function () { /* nobody hears of it: the message was shown all the same */ });
}

self.addEventListener("push", function (event) {
  const said = event.data ? event.data.json() : {};
  // The daily test of this phone: shown without a sound, as browsers ask of every push, and taken away again.
  const test = said.purpose === "test";
  const over = said.purpose === "over" || test;
  event.waitUntil(self.registration.showNotification(said.title || "119?", {
    body: said.text || "", tag: test ? "anlian-test" : said.incident || "anlian", renotify: !over, silent: over,
    requireInteraction: Boolean(said.danger) && !over, vibrate: over ? [] : [600, 200, 600, 200, 600],
    lang: said.language === "en" ? "en" : "zh-CN", icon: "/app/icon-192.png", badge: "/app/icon-192.png", data: said
  }).then(function () { return said.message ? receipt(said.message, false) : null; })
    .then(function () { return test ? self.registration.getNotifications({ tag: "anlian-test" }) : []; })
    .then(function (shown) { shown.forEach(function (each) { each.close(); }); }));
});

self.addEventListener("notificationclick", function (event) {
  const said = event.notification.data || {};
  const address = said.incident && said.purpose !== "test" ? "/app/home/" + encodeURIComponent(said.home) + "/incident/" + encodeURIComponent(said.incident) : "/app";
  event.notification.close();
  event.waitUntil(Promise.all([
    said.message ? receipt(said.message, true) : null,
    self.clients.matchAll({ type: "window", includeUncontrolled: true }).then(function (pages) {
      const page = pages.find(function (each) { return new URL(each.url).pathname.indexOf("/app") === 0; });
      return page ? page.focus().then(function () { return page.navigate(address); }) : self.clients.openWindow(address);
    })
  ]));
});
