// How the program reaches the browser. Go's wasm_exec.js, which follows, does
// all of that by Reflect, and finds this one in its place: neither what a
// browser lacks or refuses, nor what others have done to the page's elements,
// must end the program.
const bridge = (() => {
  const native = globalThis.Reflect;
  const children = Symbol("what the program has put into an element, in the order in which it stands there");
  const home = Symbol("the element that the program has put a node into");
  const { WebSocket } = window;
  const sockets = new Set(); // of the program, that are open or about to be

  // What the program sees of the browser's storage, which may be blocked or not
  // there at all. The methods are a prototype's: go-app looks through the keys
  // of a storage, as a property each, for what is its own and has expired, and
  // would take what belongs to others on the same origin.
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

  // Others change what the program has drawn: a translation puts <font> in the
  // place of a text, and go-app writes to the text that is gone. Before it
  // touches a child that is not where it was put, the element gets back exactly
  // what was put into it; a translation follows by itself. Children that are in
  // their place are not moved: they may have the focus.
  function mend(parent, child) {
    if (child[home] !== parent || child.parentNode === parent) return;
    const kept = new Set(parent[children]);
    if (parent !== document.body) { // where others have elements as well
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

  // What go-app does to the children of an element.
  const acts = new Map([
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
    // Go has no way to catch what this or set throws.
    get(target, name) {
      if (target === window) {
        if (name in stores) return stores[name];
        if (name === "BroadcastChannel") return undefined; // go-app's, for states that we do not have; it may be refused
      }
      // go-app takes any element that stands first for the page.
      if (target === document.body && name === "firstElementChild") return target.querySelector(":scope > .page");
      // Without what go-app's URLs cannot be: net/url refuses "#100%".
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
    // What is thrown here is a panic of Go's, which some of its code expects.
    // But what an element refuses is no reason for the page to end; nor what
    // the history does, as for a link of others to "javascript:".
    apply(f, target, args) {
      try {
        acts.get(f)?.(target, ...args);
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
