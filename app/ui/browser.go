package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"
)

// This file is all that the page asks of the browser beside go-app. On the
// server, and in tests, each function does nothing.

// The browser's two storages: for as long as the device keeps it, and for as
// long as the tab is open.
const (
	deviceStorage = "localStorage"
	tabStorage    = "sessionStorage"
)

const (
	nameKey   = "rollcall.name"   // the last name joined with
	joinedKey = "rollcall.joined" // the room that this tab is in
)

// recall returns what is stored, empty if nothing is or storage is off.
func recall(storage, key string) (value string) {
	if app.IsServer {
		return ""
	}
	defer func() {
		if recover() != nil { // blocked by the user: throws
			value = ""
		}
	}()
	if v := app.Window().Get(storage).Call("getItem", key); v.Truthy() {
		return v.String()
	}
	return ""
}

// remember stores value, or forgets the key if it is empty.
func remember(storage, key, value string) {
	if app.IsServer {
		return
	}
	defer func() { _ = recover() }() // blocked or full: then it is not remembered
	if value == "" {
		app.Window().Get(storage).Call("removeItem", key)
		return
	}
	app.Window().Get(storage).Call("setItem", key, value)
}

// early is what the visitor did before the program was alive.
type early struct {
	typed     string
	submitted bool
}

func takeEarly() early {
	if app.IsServer {
		return early{}
	}
	e := early{typed: typedName()}
	// app.js notes it.
	if noted := app.Window().Get("rollcallEarly"); noted.Truthy() {
		e.submitted = noted.Get("submitted").Bool()
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

func typedName() string {
	if field, ok := element(nameField); ok {
		return field.Get("value").String()
	}
	return ""
}

// offerName puts a name into the field, selected, and the cursor with it.
func offerName(name string) {
	if field, ok := element(nameField); ok {
		field.Set("value", name)
		field.Call("focus")
		field.Call("select")
	}
}

func focusName() {
	if field, ok := element(nameField); ok {
		field.Call("focus")
	}
}

// focusBoard moves on to the board, since the dialog is gone.
func focusBoard() {
	if count, ok := element("count"); ok {
		count.Call("focus")
	}
}

func setTitle(title string) {
	if app.IsClient {
		app.Window().Get("document").Set("title", title)
	}
}

// address is where others find the room.
func address() string {
	if app.IsServer {
		return ""
	}
	u := app.Window().URL()
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

// markAlive tells app.js and the stylesheet that the program is running.
func markAlive() {
	classes("remove", "starting", "joining")
	classes("add", "alive")
}

// markSettled shows the page to a visitor who was here before a reload; until
// then the dialog would only flash.
func markSettled() { classes("remove", "returning") }

func classes(method string, names ...any) {
	if app.IsClient {
		app.Window().Get("document").Get("documentElement").Get("classList").Call(method, names...)
	}
}

// onReturn calls f when the network or the visitor comes back. It is for the
// life of the page.
func onReturn(f func()) {
	if app.IsServer {
		return
	}
	listener := app.FuncOf(func(app.Value, []app.Value) any {
		f()
		return nil
	})
	app.Window().Call("addEventListener", "online", listener)
	app.Window().Call("addEventListener", "pageshow", listener)
	app.Window().Get("document").Call("addEventListener", "visibilitychange", listener)
}
