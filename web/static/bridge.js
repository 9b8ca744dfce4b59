// How the program reaches the browser. Go's wasm_exec.js, which follows in the same
// file, does everything by Reflect, and finds the one of this script. So the program
// does not end because a browser lacks or refuses something, or because an extension
// has changed the page's elements.
const bridge = (() => {
  const native = globalThis.Reflect;
  const children = Symbol("what the program has put into an element, in the order in which it stands there");
  const home = Symbol("the element that the program has put a node into");
  const { WebSocket } = window;
  const sockets = new Set(); // the program's WebSockets that are open or opening

  // The storage that the program sees. The browser's may be blocked or missing. The
  // methods are in the prototype, so that the object has no properties of its own:
  // go-app removes expired values among the properties of a storage, and would read
  // those of other pages on the same origin.
  function store(name) {
    let kept = null;
    try {
      kept = window[name];
    } catch { /* it is blocked */ }
    return Object.create({
      get length() { return kept?.length ?? 0 },
      key: (i) => kept?.key(i) ?? null,
      getItem: (key) => kept?.getItem(key) ?? null,
      setItem: (key, value) => kept?.setItem(key, value),
      removeItem: (key) => kept?.removeItem(key),
    });
  }
  const stores = { localStorage: store("localStorage"), sessionStorage: store("sessionStorage") };

  function complain(err) {
    console.warn("the browser refused:", err);
  }

  // Extensions change what the program has drawn: a translation replaces a text by
  // <font>, and go-app writes to the text that is gone. When go-app touches a child
  // that was moved, the element first gets back exactly its own children; the
  // translation then repeats itself. Children in their right place are not moved:
  // they may have the focus.
  function mend(parent, child) {
    if (child[home] !== parent || child.parentNode === parent) return;
    const kept = new Set(parent[children]);
    if (parent !== document.body) { // extensions have elements in the body
      for (const node of [...parent.childNodes]) if (!kept.has(node)) node.remove();
    }
    let next = null;
    for (const node of [...kept].reverse()) {
      if (node.parentNode !== parent || node.nextSibling !== next && parent !== document.body) {
        parent.insertBefore(node, next);
      }
      next = node;
    }
  }

  function take(parent, child) {
    const at = parent[children]?.indexOf(child) ?? -1;
    if (at >= 0) parent[children].splice(at, 1);
    child[home] = undefined;
    return at;
  }

  function put(parent, child, at) {
    if (child[home]) take(child[home], child);
    (parent[children] ??= []).splice(at, 0, child);
    child[home] = parent;
  }

  // What go-app does to the children of an element, by the method that it calls.
  const changes = new Map([
    [Node.prototype.appendChild, (parent, child) => {
      put(parent, child, Infinity);
    }],
    [Node.prototype.removeChild, (parent, child) => {
      mend(parent, child);
      take(parent, child);
    }],
    [Node.prototype.replaceChild, (parent, child, old) => {
      mend(parent, old);
      put(parent, child, Math.max(0, take(parent, old)));
    }],
  ]);

  const Reflect = {
    // Go cannot catch what get or set throw.
    get(target, name) {
      if (target === window) {
        if (name in stores) return stores[name];
        if (name === "BroadcastChannel") return undefined; // go-app would use it for states that we do not have, and a browser may refuse it
      }
      // go-app takes the first element of the body for the page.
      if (target === document.body && name === "firstElementChild") return target.querySelector(":scope > .page");
      // Without the fragment: go-app parses it with net/url, which refuses "#100%".
      if (target === location && name === "href") return location.origin + location.pathname + location.search;
      try {
        return native.get(target, name);
      } catch (err) {
        complain(err);
        return undefined;
      }
    },
    set(target, name, value) {
      try {
        if (name === "nodeValue" && target[home]) mend(target[home], target);
        return native.set(target, name, value);
      } catch (err) {
        complain(err);
        return false;
      }
    },
    // An error here becomes a panic of Go's, which some of its code expects. But when
    // an element or the history refuses something, such as a link to "javascript:",
    // the page must not end.
    apply(f, target, args) {
      try {
        changes.get(f)?.(target, ...args);
        return native.apply(f, target, args);
      } catch (err) {
        if (!(target instanceof Node) && target !== history) throw err;
        complain(err);
        return undefined;
      }
    },
    construct(f, args) {
      const made = native.construct(f, args);
      if (f === WebSocket) {
        sockets.add(made);
        made.addEventListener("close", () => sockets.delete(made));
      }
      return made;
    },
    deleteProperty: native.deleteProperty,
  };

  return { Reflect, stores, children: (element) => element[children] ??= [], sockets };
})();
const { Reflect } = bridge;
