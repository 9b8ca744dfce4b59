package ui

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/board"
	"rollcall/shared/event"
)

// This file is what the page asks of the browser itself, without go-app. On the server
// and in tests, each function does nothing. Where an element refuses something, the
// answer is undefined (see bridge.js). Everything else that not every browser with
// WebAssembly has is to be asked for with [has] first.

// script returns the object in which app.js has its functions for the program.
func script() app.Value { return app.Window().Get("rollcall") }

// early is what the visitor did before the program was alive.
type early struct {
	typed     string
	from, to  int // the selection in it
	submitted bool
}

func takeEarly() early {
	field, ok := element(nameField)
	if !ok {
		return early{}
	}
	e := early{typed: field.Get("value").String(), submitted: script().Get("early").Get("submitted").Bool()}
	if from, to := field.Get("selectionStart"), field.Get("selectionEnd"); from.Type() == app.TypeNumber && to.Type() == app.TypeNumber {
		e.from, e.to = from.Int(), to.Int()
	}
	return e
}

func element(id string) (app.Value, bool) {
	if app.IsServer {
		return nil, false
	}
	e := app.Window().GetElementByID(id)
	return e, e.Truthy()
}

// typed returns the text in a field, in the form in which the server stores it
// (Unicode's NFC): so the same text is no change.
func typed(id string) string {
	if field, ok := element(id); ok {
		return normalized(field.Get("value").String(), "NFC")
	}
	return ""
}

// decomposed returns a text whose letters, accents and widths are separate (Unicode's
// NFKD).
func decomposed(s string) string {
	if app.IsServer || !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return s
	}
	return normalized(s, "NFKD")
}

func normalized(s, form string) string {
	return app.Window().Get("String").Get("prototype").Get("normalize").Call("call", s, form).String()
}

// fill puts a text into a field, selected, and the cursor with it.
func fill(id, text string) {
	if field, ok := element(id); ok {
		field.Set("value", text)
		field.Call("focus")
		field.Call("select")
	}
}

// unfocused reports whether no element has the focus.
func unfocused() bool {
	active := document().Get("activeElement")
	return !active.Truthy() || active.Equal(document().Get("body"))
}

// focusCount moves the focus to the heading of the board, unless an element has it.
func focusCount() {
	if unfocused() {
		focus(countHeading)
	}
}

// focus moves the focus to an element, if it is there.
func focus(id string) {
	if e, ok := element(id); ok {
		e.Call("focus")
	}
}

// localTime returns a time in Unix milliseconds in the device's time zone at that time.
// Go asks for the zone once, and would be an hour off in the other half of the year.
func localTime(at int64) time.Time {
	t := time.UnixMilli(at)
	if app.IsServer {
		return t
	}
	west := app.Window().Get("Date").New(at).Call("getTimezoneOffset").Int()
	return t.In(time.FixedZone("", -60*west))
}

func setTitle(title string) {
	if app.IsClient {
		document().Set("title", title)
	}
}

// roomURL returns the address at which others find a room.
func roomURL(room string) string {
	if app.IsServer {
		return ""
	}
	return app.Window().Get("location").Get("origin").String() + event.RoomPath(room)
}

// markAlive tells app.js and the stylesheet that the program is running.
func markAlive() {
	if app.IsClient {
		script().Call("alive")
	}
}

// showPage shows the page to a visitor who was here before a reload; until then the
// dialog would only flash.
func showPage() { classes("remove", "returning") }

// hidePage hides the dialog for the moment that it takes to join.
func hidePage() { classes("add", "returning") }

func classes(method string, names ...any) {
	if app.IsClient {
		document().Get("documentElement").Get("classList").Call(method, names...)
	}
}

// has reports whether the browser knows something, such as navigator.share.
func has(path ...string) bool {
	if app.IsServer {
		return false
	}
	v := app.Value(app.Window())
	for _, p := range path {
		if v = v.Get(p); !v.Truthy() {
			return false
		}
	}
	return true
}

// secure reports whether the browser trusts the connection enough for the
// clipboard, a worker and notifications.
func secure() bool { return app.IsServer || app.Window().Get("isSecureContext").Truthy() }

func hidden() bool { return document().Get("hidden").Truthy() }

// listen calls f on events of the window or the document. Other than an event of a
// component, that does not draw anything anew. Close ends it.
func listen(target app.Value, f func(app.Value), events ...string) (close func()) {
	listener := app.FuncOf(func(_ app.Value, args []app.Value) any {
		f(args[0])
		return nil
	})
	options := map[string]any{"passive": true, "capture": true}
	for _, e := range events {
		target.Call("addEventListener", e, listener, options)
	}
	return func() {
		for _, e := range events {
			target.Call("removeEventListener", e, listener, options)
		}
		listener.Release()
	}
}

// onResize calls f once, and whenever the size of an element changes. In a browser
// without ResizeObserver it is the size of the window. Close ends it.
func onResize(e app.Value, f func()) (close func()) {
	if !has("ResizeObserver") {
		nextFrame(f)
		return listen(app.Window(), func(app.Value) { f() }, "resize")
	}
	callback := app.FuncOf(func(app.Value, []app.Value) any {
		f()
		return nil
	})
	observer := app.Window().Get("ResizeObserver").New(callback)
	observer.Call("observe", e)
	return func() {
		observer.Call("disconnect")
		callback.Release()
	}
}

// nextFrame calls f once in a task of its own, before the browser draws the next
// picture. A timer of Go's could run in the current task.
func nextFrame(f func()) { once(app.Window(), "requestAnimationFrame", f) }

// afterFrame calls f once in a task of its own, after the browser has drawn the next
// picture. So slow work does not delay that.
func afterFrame(f func()) { once(script(), "afterFrame", f) }

// once has a function of an object call f, later and once.
func once(object app.Value, function string, f func()) {
	var callback app.Func
	callback = app.FuncOf(func(app.Value, []app.Value) any {
		callback.Release()
		f()
		return nil
	})
	object.Call(function, callback)
}

// whenIdle calls f once in a task of its own, when the browser has nothing else to do.
func whenIdle(f func()) {
	if !has("requestIdleCallback") {
		nextFrame(f)
		return
	}
	once(app.Window(), "requestIdleCallback", f)
}

// nextTask lets the browser do other work, and returns in another task.
func nextTask() {
	if app.IsServer {
		return
	}
	begun := make(chan struct{})
	goOn := app.FuncOf(func(app.Value, []app.Value) any {
		close(begun)
		return nil
	})
	defer goOn.Release()
	script().Call("nextTask", goOn)
	<-begun
}

// userOf returns the id and the place of the user in whose box an element is; empty if
// it is in no box.
func userOf(e app.Value) (id, place string) {
	if !e.Truthy() {
		return "", ""
	}
	box := e.Call("closest", "[data-user]")
	if !box.Truthy() {
		return "", ""
	}
	if at := box.Call("getAttribute", "aria-posinset"); at.Truthy() { // a box that fades out has none
		place = at.String()
	}
	return box.Get("dataset").Get("user").String(), place
}

// stays reports whether an element is still visible. Then it has lost the focus because
// the visitor wanted that.
func stays(e app.Value) bool { return e.Call("getClientRects").Get("length").Int() > 0 }

// focusWithoutScrolling moves the focus and nothing else.
func focusWithoutScrolling(id string) {
	if e, ok := element(id); ok {
		e.Call("focus", map[string]any{"preventScroll": true})
	}
}

func modalOpen() bool {
	dialog, ok := element(modalID)
	return ok && dialog.Call("hasAttribute", "open").Truthy()
}

// focusUser moves the focus to a user's box. It reports false if the box is not drawn.
func focusUser(id string) bool { return focusFace(`[data-user="` + id + `"]`) }

// focusPlace is focusUser for the user at a place.
func focusPlace(place string) bool { return focusFace(`[aria-posinset="` + place + `"]`) }

func focusFace(box string) bool {
	face := document().Call("querySelector", box+":not(.departing, .unknown) .face")
	if !face.Truthy() {
		return false
	}
	face.Call("focus", map[string]any{"preventScroll": true})
	return true
}

func document() app.Value { return app.Window().Get("document") }

// settle calls f with whether a promise was fulfilled. A function that throws instead
// of returning a promise counts as rejected.
func settle(promise func() app.Value, f func(bool)) {
	defer func() {
		if recover() != nil {
			f(false)
		}
	}()
	p := promise()
	var fulfilled, rejected app.Func
	release := func() {
		fulfilled.Release()
		rejected.Release()
	}
	fulfilled = app.FuncOf(func(app.Value, []app.Value) any {
		release()
		f(true)
		return nil
	})
	rejected = app.FuncOf(func(app.Value, []app.Value) any {
		release()
		f(false)
		return nil
	})
	p.Call("then", fulfilled, rejected)
}

// badge shows a number at the icon of the installed app; 0 shows none.
func badge(n int) {
	if app.IsClient {
		script().Call("badge", n)
	}
}

// canNotify reports whether there are notifications at all.
func canNotify() bool {
	return has("Notification") && has("navigator", "serviceWorker")
}

// notificationsBlocked reports whether the visitor has refused them for good.
func notificationsBlocked() bool {
	return app.Window().Get("Notification").Get("permission").String() == "denied"
}

// askToNotify asks the visitor for the permission and calls f with the answer.
func askToNotify(f func(granted bool)) {
	settle(func() app.Value { return app.Window().Get("Notification").Call("requestPermission") }, func(bool) {
		f(app.Window().Get("Notification").Get("permission").String() == "granted")
	})
}

// notify has the worker show a notification: on Android, pages must not.
func notify(u event.User, room string) {
	if app.IsClient {
		script().Call("notify", board.Isolate(u.Name)+" is here", "in "+room, "arrived-"+u.ID, event.RoomPath(room))
	}
}

// onIOS reports whether only a menu of the browser can install the app.
func onIOS() bool {
	if app.IsServer {
		return false
	}
	standalone := app.Window().Get("navigator").Get("standalone")
	return standalone.Type() == app.TypeBoolean && !standalone.Bool()
}

// redirect goes to another page in place of this one.
func redirect(path string) { app.Window().Get("location").Call("replace", path) }

// reload has the browser ask for the page anew.
func reload() { app.Window().Get("location").Call("reload") }

// app.js looks after the worker and after installing.
func updateReady() bool { return app.IsClient && script().Get("updateReady").Truthy() }
func canInstall() bool  { return app.IsClient && script().Get("canInstall").Truthy() }
func applyUpdate()      { script().Call("applyUpdate") }
func checkUpdate()      { script().Call("checkUpdate") }
func install()          { script().Call("install") }

// intercepted reports whether something else has answered in the server's place when
// reach asked. SignIn goes there, without the worker.
func intercepted() bool { return app.IsClient && script().Get("intercepted").Truthy() }
func signIn()           { script().Call("signIn") }

// reach calls f with whether the server can be reached.
func reach(f func(bool)) { settle(func() app.Value { return script().Call("reach") }, f) }

// keepAwake keeps the screen on while the page is looked at, if it may.
func keepAwake(on bool) { script().Call("keepAwake", on) }
