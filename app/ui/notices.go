package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"

	"rollcall/app/visit"
)

// Notices lie over the lower edge of the page, so that nothing moves when one comes.
type Notices struct {
	app.Compo

	Notices []visit.Notice
}

// Render draws one under the other.
func (n *Notices) Render() app.UI {
	list := make([]app.UI, len(n.Notices))
	for i, one := range n.Notices {
		list[i] = &noticeLine{Notice: one}
	}
	return app.Div().Class("notices").Role("region").Aria("label", "Notices").Hidden(len(list) == 0).Body(list...)
}

type noticeLine struct {
	app.Compo

	Notice visit.Notice
}

func (l *noticeLine) onAct(ctx app.Context, _ app.Event) { intend(ctx, l.Notice.Input) }
func (l *noticeLine) onDismiss(ctx app.Context, _ app.Event) {
	intend(ctx, visit.Dismiss{Text: l.Notice.Text})
}

// Render draws the sentence and the buttons.
func (l *noticeLine) Render() app.UI {
	return app.Div().Class("notice").Body(
		app.P().Text(l.Notice.Text),
		app.If(l.Notice.Action != "",
			button("button small", l.onAct, app.Text(l.Notice.Action))),
		app.If(l.Notice.Dismissible,
			iconButton("button icon plain", "Dismiss", closeIcon, l.onDismiss)),
	)
}
