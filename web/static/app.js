// The page's own script: what has to happen before the program is there, and
// what the program (go-app, in app.wasm) expects to find. It follows bridge.js
// and Go's wasm_exec.js in the same file.
(() => {
  const { wasm, icon, badge, version } = document.currentScript.dataset;
  const root = document.documentElement;

  // The sentence for browsers that cannot load or understand this script.
  document.getElementById("late")?.remove();

  // go-app asks for its settings here; all of ours are the defaults.
  window.goappGetenv = () => "";

  // An address in full: in a page whose own address holds a name and a password,
  // browsers refuse relative ones.
  const at = (path) => location.origin + path;

  // The functions and facts that this script has for the program. The event
  // "rollcall" on the window says that a fact has changed.
  const page = (window.rollcall = {
    early: { submitted: false },
    updateReady: false, // a new version is there, and a reload starts it
    intercepted: false, // something else has answered in the server's place
    canInstall: false, // the browser would install the page as an application
    alive,
    applyUpdate,
    checkUpdate,
    install,
    notify,
    badge: count,
    reach,
    signIn,
    forget,
    keepAwake,
    arrange,
    openModal,
    closeModal,
    nextTask,
    afterFrame,
  });

  function change(news) {
    Object.assign(page, news);
    window.dispatchEvent(new Event("rollcall"));
  }

  // No form of the page is ever sent by the browser. What is submitted before
  // the program is alive is kept, and the program submits it.
  document.addEventListener("submit", (event) => {
    event.preventDefault();
    if (root.classList.contains("starting")) join();
  }, true);

  function join() {
    page.early.submitted = true;
    root.classList.add("joining");
    const button = document.querySelector(".join button");
    if (button) button.textContent = "Joining …"; // as the program says it
  }

  // A form that was submitted before this script was there has closed the dialog.
  if (document.querySelector(".entrance dialog:not([open])")) join();

  // A tab that was in this room before a reload goes back by itself; until
  // then its dialog would only flash. A wall asks nobody for a name.
  const { localStorage, sessionStorage } = bridge.stores;
  const room = location.pathname === "/" ? "lobby" : location.pathname.replace(/^\/r\//, "");
  const wall = new URLSearchParams(location.search).get("view") === "wall";
  if (!wall && sessionStorage.getItem("rollcall.joined") === room && localStorage.getItem("rollcall.name")) {
    root.classList.add("returning");
  }

  function fail(text) {
    root.classList.remove("starting", "joining", "returning");
    const notice = document.getElementById("notice");
    const reload = document.createElement("button");
    reload.className = "button small";
    reload.textContent = "Reload";
    reload.onclick = () => location.reload();
    notice.firstElementChild.textContent = text;
    notice.append(reload);
    notice.hidden = false;
  }

  // The program should never end. If it does, its connections are closed, so that
  // nobody is shown who cannot see the room, and the page starts again. It does so
  // once: a fault at every start would repeat for ever. The state of the history
  // tells, since a reload keeps it even where storage is blocked.
  const again = "started again";
  const restarted = history.state === again;
  if (restarted) history.replaceState(null, "");

  async function stopped() {
    for (const socket of bridge.sockets) socket.close();
    const modal = document.getElementById("modal");
    if (modal) closeModal(modal); // it would hide the notice
    root.classList.add("stopped");
    fail("Rollcall has stopped unexpectedly. Reload the page to go on.");
    if (restarted && performance.now() < 60_000) return;
    try {
      await reach(); // without the server, the browser would show an error in place of the page
      history.replaceState(again, "");
      location.reload();
    } catch (err) {
      console.warn("not starting again:", err);
    }
  }

  // Lets the browser do other work, and calls goOn in another task. It uses a
  // message, since a timer waits for up to a minute in hidden pages.
  function nextTask(goOn) {
    if (!window.MessageChannel) {
      setTimeout(goOn);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      goOn();
    };
    port2.postMessage(0);
  }

  function afterFrame(goOn) {
    requestAnimationFrame(() => nextTask(goOn));
  }

  async function start() {
    root.classList.add("starting");
    if (typeof WebAssembly !== "object" || !WebAssembly.instantiateStreaming) {
      fail("This browser cannot run WebAssembly, which Rollcall is made with. Please update it, or open this page in another one.");
      return;
    }
    const go = new Go();
    let program;
    try {
      // The response as it comes: only then does the browser keep the compiled
      // code for the next visit.
      program = await WebAssembly.instantiateStreaming(fetch(at(wasm)), go.importObject);
      await new Promise(nextTask);
    } catch (err) {
      console.error("starting the page:", err);
      fail("Rollcall could not be loaded. Check your connection, then reload the page.");
      return;
    }
    // The program ends by a panic, or because the browser stops it.
    const resume = go._resume;
    const why = await new Promise((end) => {
      const halt = (why) => {
        go.exited = true;
        // wasm_exec.js calls the program again and again until it has taken
        // note of a timer.
        for (const timer of go._scheduledTimeouts.values()) clearTimeout(timer);
        go._scheduledTimeouts.clear();
        end(why);
      };
      go.exit = (code) => halt("exit code " + code);
      go._resume = () => {
        if (go.exited) return; // an event after the end
        try {
          resume.call(go);
        } catch (err) {
          halt(err);
        }
      };
      go.run(program.instance).catch(halt);
    });
    console.error("the program has ended:", why);
    stopped();
  }

  // The program runs, and has taken over what was typed. The worker, which only the
  // next visit needs, starts after that.
  function alive() {
    root.classList.remove("starting", "joining");
    root.classList.add("alive");
    register();
  }

  // The worker that keeps the page for the next visit, and its successor when
  // the server has a new version.
  let registration, successor;

  async function register() {
    if (!window.isSecureContext || !navigator.serviceWorker) return;
    const controlled = Boolean(navigator.serviceWorker.controller);
    try {
      registration = await navigator.serviceWorker.register(at("/sw.js"));
    } catch (err) {
      console.warn("the page will not open without a network:", err);
      return;
    }
    if (controlled) {
      // A newer version than this page's may be waiting.
      found(registration.waiting);
      found(registration.installing);
    }
    registration.addEventListener("updatefound", () => {
      // The very first worker is for this page.
      if (controlled || registration.active) found(registration.installing);
    });
  }

  function found(worker) {
    if (!worker) return;
    const check = async () => {
      if (worker.state === "installing" || worker.state === "redundant") return;
      if (worker !== successor && await versionOf(worker) === version) {
        // The network has brought the new page before the worker had it.
        worker.postMessage("activate");
        successor = undefined;
        if (page.updateReady) change({ updateReady: false });
        return;
      }
      successor = worker;
      if (!page.updateReady) change({ updateReady: true });
    };
    worker.addEventListener("statechange", check);
    check();
  }

  function versionOf(worker) {
    const { port1, port2 } = new MessageChannel();
    return new Promise((answer) => {
      port1.onmessage = ({ data }) => {
        port1.close();
        answer(data);
      };
      worker.postMessage("version", [port2]);
    });
  }

  // Other tabs keep the old version until they are reloaded.
  function applyUpdate() {
    const worker = successor;
    if (!worker) return;
    const reload = () => {
      if (worker.state === "activated") location.reload();
    };
    worker.addEventListener("statechange", reload);
    worker.postMessage("activate");
    reload();
  }

  let checked = -Infinity;

  // The browser looks for a new version when a page is opened; a page that
  // stays open asks for it. Without a network there is none.
  function checkUpdate() {
    if (!registration || performance.now() - checked < 60_000) return;
    checked = performance.now();
    registration.update().catch(() => {});
  }

  let offer;

  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offer = event;
    change({ canInstall: true });
  });
  window.addEventListener("appinstalled", withdraw);

  function withdraw() {
    offer = undefined;
    change({ canInstall: false });
  }

  // A browser's offer is good for one question, and only after a click or a key.
  async function install() {
    const asked = offer;
    withdraw();
    try {
      await asked?.prompt();
    } catch { /* then there is no question */ }
  }

  // The registration shows it: on Android the constructor throws.
  function notify(title, body, tag, url) {
    if (!registration || window.Notification?.permission !== "granted") return;
    registration.showNotification(title, { body, tag, icon: at(icon), badge: at(badge), data: url }).catch(() => {});
  }

  // All windows share the icon of the application. A window that removes its number
  // has the others show theirs again.
  let counted = 0;
  let others; // only while there is a number: an open channel keeps a page from being put aside

  function count(n) {
    if (n === counted || !navigator.setAppBadge) return;
    counted = n;
    showCount();
    if (n && !others) {
      try {
        others = new BroadcastChannel("rollcall.badge");
        others.onmessage = showCount;
      } catch { /* not there, or blocked with all storage: the others show theirs at the next change */ }
    }
    if (!n) {
      others?.postMessage("gone");
      others?.close();
      others = undefined;
    }
  }

  function showCount() {
    (counted ? navigator.setAppBadge(counted) : navigator.clearAppBadge()).catch(() => {});
  }

  // Fails if the server cannot be reached. A proxy may answer in its place.
  async function reach() {
    page.intercepted = false;
    const answer = await fetch(at("/api/version"), { cache: "no-store", redirect: "manual" });
    const ours = answer.headers.get("Content-Type") === "application/json";
    page.intercepted = answer.ok ? !ours : answer.type === "opaqueredirect" || [401, 403, 407].includes(answer.status);
    if (!answer.ok || !ours) throw new Error(String(answer.status));
    await answer.json();
  }

  // A proxy that answers in the server's place may have a page to sign in, which the
  // worker would never show. The mark in the address makes the worker ask the network;
  // it is removed when our page is back.
  function signIn() {
    const address = new URL(location.href);
    address.searchParams.set("network", "");
    location.assign(address);
  }

  function unmark() {
    const address = new URL(location.href);
    if (!address.searchParams.has("network")) return;
    address.searchParams.delete("network");
    history.replaceState(history.state, "", address);
  }

  // Asks the server to end the session: no script can remove the cookie. Another
  // answer than 204 is not the server's.
  async function forget() {
    const answer = await fetch("/api/forget", { method: "POST", keepalive: true, redirect: "manual" });
    if (answer.status !== 204) throw new Error(String(answer.status));
  }

  // Carries that many elements of a list from its beginning to its end, or back if
  // the number is negative. Or it puts all into an order, if there is one, and moves as
  // few as it can: a box that is moved loses the focus, and fades in again. Then it marks
  // each box with its place, and with how many there are.
  function arrange(list, rotate, order, first, size) {
    const boxes = bridge.children(list);
    if (rotate > 0) list.append(...boxes.slice(0, rotate));
    if (rotate < 0) list.prepend(...boxes.slice(rotate));
    boxes.push(...boxes.splice(0, rotate < 0 ? boxes.length + rotate : rotate));
    if (order.length) {
      boxes.splice(0, boxes.length, ...order.map((i) => boxes[i]));
      let at = list.firstChild;
      for (const box of boxes) {
        if (box === at) at = at.nextSibling;
        else list.insertBefore(box, at);
      }
    }
    let place = first;
    for (const box of boxes) {
      const here = !box.hidden && !box.classList.contains("departing");
      mark(box, "aria-posinset", here ? place++ : "");
      mark(box, "aria-setsize", here ? size : "");
    }
  }

  function mark(element, attribute, value) {
    if ((element.getAttribute(attribute) ?? "") === String(value)) return;
    if (value === "") element.removeAttribute(attribute);
    else element.setAttribute(attribute, value);
  }

  // Without showModal, a dialog only lies over the page.
  function openModal(dialog) {
    if (dialog.hasAttribute("open")) return;
    if (dialog.showModal) {
      dialog.showModal();
      return;
    }
    dialog.setAttribute("open", "");
    dialog.onkeydown = (event) => {
      if (event.key === "Escape") closeModal(dialog);
    };
    dialog.querySelector("input, button").focus();
  }

  function closeModal(dialog) {
    if (dialog.close) {
      dialog.close();
    } else if (dialog.hasAttribute("open")) {
      dialog.removeAttribute("open");
      dialog.dispatchEvent(new Event("close"));
    }
  }

  let lock;

  // The browser releases the lock of a hidden page.
  async function keepAwake(on) {
    try {
      if (!on) await lock?.release();
      else if (lock?.released !== false) lock = await navigator.wakeLock?.request("screen");
    } catch { /* then the screen goes off as it does */ }
  }

  unmark();
  start();
})();
