package ui

import (
	"github.com/maxence-charriere/go-app/v9/pkg/app"
)

// notice is something that the page says beside the board.
type notice struct {
	Text   string
	Action string // what its button says, empty for none
	Intent any    // what its button does
	Quiet  bool   // it can be put away
}

// Notices are laid over the lower edge, so that nothing moves for them.
type Notices struct {
	app.Compo

	Notices []notice
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

	Notice notice
}

func (l *noticeLine) onAct(ctx app.Context, _ app.Event)   { intend(ctx, l.Notice.Intent) }
func (l *noticeLine) onQuiet(ctx app.Context, _ app.Event) { intend(ctx, quietIntent{l.Notice}) }

// Render draws the sentence and what can be done about it.
func (l *noticeLine) Render() app.UI {
	return app.Div().Class("notice").Body(
		app.P().Text(l.Notice.Text),
		app.If(l.Notice.Action != "",
			app.Button().Class("button small").Type("button").OnClick(l.onAct).Text(l.Notice.Action)),
		app.If(l.Notice.Quiet,
			app.Button().Class("button icon plain").Type("button").Aria("label", "Dismiss").OnClick(l.onQuiet).Body(icon(closeIcon))),
	)
}
