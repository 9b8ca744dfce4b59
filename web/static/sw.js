// The worker keeps the page and all that it needs, so that it opens at once
// and without a network. It answers for what it keeps and touches nothing
// else: the WebSocket, /api/ and other hosts never pass through it.
//
// The server puts `built` before this file: the version, what to keep, and
// where in the page the room's name stands.
"use strict";

const family = "rollcall-";
const cacheName = family + built.version;
const kept = new Set([...built.required, ...built.optional].filter((path) => path !== "/"));

// What has a hash in its path may come from the browser's own cache.
const fresh = (path) => (path.startsWith("/web/") ? path : new Request(path, { cache: "reload" }));
const find = (path) => caches.match(path, { cacheName, ignoreVary: true });
// Pages that were open before this version have what they need of their own.
const findOlder = (path) => caches.match(path, { ignoreVary: true });

// A new version waits beside the old one: pages that are open go on with what
// they were started with.
self.addEventListener("install", (event) => event.waitUntil(install()));

async function install() {
  const cache = await caches.open(cacheName);
  await cache.addAll(built.required.map(fresh));
  // Behind a balancer the page may come from a server of another version.
  const page = await (await find("/")).text();
  const whole = built.places.every((at) => page.startsWith(built.room, at)) &&
    built.required.every((path) => page.includes(path));
  if (!whole) throw new Error("the page is of another version than the worker; the next visit tries again");
  await Promise.allSettled(built.optional.map((path) => cache.add(fresh(path))));
}

self.addEventListener("activate", (event) => event.waitUntil(removeOthers()));

// The version before this one stays until the next comes: its pages may still
// be open. The names are in the order in which the caches were made.
async function removeOthers() {
  const others = (await caches.keys()).filter((name) => name.startsWith(family) && name !== cacheName);
  for (const name of others.slice(0, -1)) await caches.delete(name);
}

self.addEventListener("message", (event) => {
  if (event.data === "activate") self.skipWaiting();
  if (event.data === "version") event.ports[0].postMessage(built.version);
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") {
    const room = roomOf(url.pathname);
    if (room && !url.searchParams.has("network")) event.respondWith(pageOf(room, request));
  } else if (kept.has(url.pathname) || url.pathname.startsWith("/web/")) {
    event.respondWith(keptOr(request, url.pathname));
  }
});

// As LinkedRoom in shared/event.
function roomOf(path) {
  if (path === "/") return built.room;
  let name = path.startsWith("/r/") ? unescaped(path.slice(3)) : "";
  while (name && built.after.includes(name.at(-1))) name = name.slice(0, -1);
  return /^[a-z0-9-]{1,64}$/i.test(name) ? name.toLowerCase() : undefined;
}

function unescaped(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return ""; // not UTF-8
  }
}

// The response as it was kept: a program in another one is compiled anew at
// every start.
async function keptOr(request, path) {
  return (await find(path)) ?? (await findOlder(path)) ?? fetch(request);
}

// How long the network may take, in milliseconds, before the page opens as it
// was kept.
const patience = 1500;

// The network comes first, for it may lead elsewhere: to the login of a proxy,
// which nobody would ever see else. A proxy without a server behind it is no
// better than none.
async function pageOf(room, request) {
  const coming = fetch(request);
  const late = new Promise((done) => setTimeout(done, patience));
  const answer = await Promise.race([coming, late]).catch(() => {});
  if (answer && answer.status < 500) return answer;
  return (await pageKept(room)) ?? coming;
}

async function pageKept(room) {
  const page = await find("/");
  if (!page) return undefined;
  if (room === built.room) return page;
  const text = await page.text();
  let named = "";
  let from = 0;
  for (const at of built.places) {
    named += text.slice(from, at) + room;
    from = at + built.room.length;
  }
  // These tell of the bytes that came; all others, the policy among them,
  // are the page's.
  const headers = new Headers(page.headers);
  for (const name of ["Content-Encoding", "Content-Length", "ETag"]) headers.delete(name);
  return new Response(named + text.slice(from), { headers });
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(new URL(event.notification.data ?? "/", location.origin)));
});

// A tab of the room that is open already comes to the front.
async function show(url) {
  const tabs = await clients.matchAll({ type: "window", includeUncontrolled: true });
  const tab = tabs.find((tab) => tab.url === url.href) ??
    tabs.find((tab) => new URL(tab.url).pathname === url.pathname);
  await (tab ? tab.focus() : clients.openWindow(url));
}
