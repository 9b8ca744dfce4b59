// The page's own script: what has to happen before the program is there, and
// what the program (go-app, in app.wasm) expects to find. It follows Go's
// wasm_exec.js in the same file.
"use strict";
(() => {
  const wasm = document.currentScript.dataset.wasm;
  const root = document.documentElement;

  // go-app asks for its settings here; all of ours are the defaults.
  window.goappGetenv = () => "";

  // No form of the page is ever sent by the browser. What is submitted before
  // the program is alive is kept, and the program submits it.
  const early = (window.rollcallEarly = { submitted: false });
  document.addEventListener("submit", (event) => {
    event.preventDefault();
    if (root.classList.contains("alive")) return;
    early.submitted = true;
    root.classList.add("joining");
  }, true);

  // A tab that was in this room before a reload goes back by itself; until
  // then its dialog would only flash.
  try {
    const room = location.pathname === "/" ? "lobby" : location.pathname.replace(/^\/r\//, "");
    if (sessionStorage.getItem("rollcall.joined") === room && localStorage.getItem("rollcall.name")) {
      root.classList.add("returning");
    }
  } catch { /* storage is blocked: the dialog it is */ }

  function fail(text) {
    root.classList.remove("starting", "joining", "returning");
    const notice = document.getElementById("notice");
    notice.textContent = text;
    notice.hidden = false;
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
      // The bare response, unwrapped: only so does the browser keep the
      // compiled code for the next visit.
      program = await WebAssembly.instantiateStreaming(fetch(wasm), go.importObject);
    } catch (err) {
      console.error("starting the page:", err);
      fail("Rollcall could not be loaded. Check your connection, then reload the page.");
      return;
    }
    await go.run(program.instance);
    fail("Rollcall has stopped unexpectedly. Reload the page to go on.");
  }

  start();
})();
