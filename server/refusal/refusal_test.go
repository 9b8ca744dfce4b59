package refusal

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/server/readme"
	"rollcall/shared/event"
)

// each are all reasons.
func each(yield func(Reason, row) bool) {
	for reason := Reason(1); reason < Count; reason++ {
		if !yield(reason, table[reason]) {
			return
		}
	}
}

func TestEveryReasonHasARowThatIsWhole(t *testing.T) {
	names := make(map[string]Reason)
	snake := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for reason, r := range each {
		if other, taken := names[r.name]; taken || !snake.MatchString(r.name) {
			t.Errorf("reason %d: %q is no name, or that of %d too", reason, r.name, other)
		}
		names[r.name] = reason
		if r.message == "" {
			t.Errorf("%s has no message", reason)
		}
		if strings.Contains(r.message, placeholder) != (r.example != nil) {
			t.Errorf("%s: a place for a detail and an example of it go together", reason)
		}
		overHTTP, byEvent, byClosing := r.status >= 400, r.code != "", r.close != 0
		var whole bool
		switch r.outcome {
		case Answered:
			whole = overHTTP && !byEvent && !byClosing
		case Told:
			whole = !overHTTP && byEvent // and a hello may be closed for it
		case Dropped:
			whole = !overHTTP && byEvent && !byClosing
		case Ended:
			whole = !overHTTP && byEvent && byClosing
		case Cut:
			whole = !overHTTP && !byEvent && (!byClosing || r.close == closeProtocolError)
		}
		if !whole {
			t.Errorf("%s: status %d, code %q and close code %d do not belong to what is done", reason, r.status, r.code, r.close)
		}
	}
}

func TestWhatAClientIsTold(t *testing.T) {
	e := Error{Reason: EventRate, Detail: 2.5, RetryAfter: 400 * time.Millisecond}.Of(event.View{})
	want := event.Error{
		Code: event.CodeRateLimited, Event: event.NameView, RetryAfter: 401,
		Message: "A connection may send 2.5 events a second; this one was dropped. Send fewer.",
	}
	if got := e.Encoded(); got != want || e.Error() != "event_rate: "+want.Message {
		t.Errorf("%+v; %v", got, e)
	}
	want = event.Error{Code: event.CodeBadRoom, Event: event.NameWatch, Field: "room", Message: table[BadRoom].message}
	if got := (Error{Reason: BadRoom}).Of(event.Watch{}).Encoded(); got != want {
		t.Errorf("%+v", got)
	}
	if got := (Error{Reason: EventFlood}).Of(event.View{}).Encoded(); got.Event != "" {
		t.Errorf("what is about the connection is said of %s", got.Event)
	}
}

func TestWhatAHelloDoesNotSurviveAChangeDoes(t *testing.T) {
	name := Error{Reason: BadName}
	for e, want := range map[event.Event]Outcome{
		event.GotANewUser{}: Ended, event.Watch{}: Ended, event.ChangeUser{}: Told,
	} {
		if got := name.Of(e).Outcome(); got != want {
			t.Errorf("%s: %d, want %d", e.EventName(), got, want)
		}
	}
	if got := (Error{Reason: AlreadyJoined}).Of(event.Watch{}).Outcome(); got != Told {
		t.Errorf("a second hello: %d", got)
	}
}

func TestAnswersOverHTTPSayWhenToComeBack(t *testing.T) {
	for _, c := range []struct {
		Error
		status int
		after  string
	}{
		{Error{Reason: ConnectionsFull}, http.StatusServiceUnavailable, "10"},
		{Error{Reason: AddressAttempts, RetryAfter: time.Millisecond}, http.StatusTooManyRequests, "1"},
		{Error{Reason: AddressAttempts, RetryAfter: 2 * time.Second}, http.StatusTooManyRequests, "3"},
		{Error{Reason: NoUpgrade}, http.StatusUpgradeRequired, ""},
		{Error{Reason: ForeignOrigin, Detail: ""}, http.StatusForbidden, ""},
	} {
		w := httptest.NewRecorder()
		var seen []Reason
		Observer(func(r Reason) { seen = append(seen, r) }).Answer(w, c.Error)
		if w.Code != c.status || w.Header().Get("Retry-After") != c.after || strings.TrimSpace(w.Body.String()) != c.Message() {
			t.Errorf("%s: %d, %v, %s", c.Reason, w.Code, w.Header(), w.Body)
		}
		if len(seen) != 1 || seen[0] != c.Reason {
			t.Errorf("%s: observed %v", c.Reason, seen)
		}
		if upgrade := w.Header().Get("Upgrade"); (upgrade != "") != (c.status == http.StatusUpgradeRequired) {
			t.Errorf("%s: Upgrade is %q", c.Reason, upgrade)
		}
	}
	Observer(nil).Answer(httptest.NewRecorder(), Error{Reason: NoUpgrade}) // nobody observes
}

// documented is the table as it stands in the README.
func documented() string {
	var b strings.Builder
	b.WriteString("| reason | `error.code` | then | message, or what happened |\n|---|---|---|---|\n")
	for reason, r := range each {
		code, then := "", ""
		if r.code != "" {
			code = fmt.Sprintf("`%s`", r.code)
		}
		switch {
		case r.outcome == Answered:
			then = fmt.Sprint("HTTP ", r.status)
		case r.outcome == Told && r.close != 0:
			then = fmt.Sprintf("%d if it is the hello", r.close)
		case r.outcome == Dropped:
			then = "dropped"
		case r.close != 0:
			then = fmt.Sprint(int(r.close))
		case r.outcome == Cut:
			then = "cut"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", reason, code, then, Error{Reason: reason, Detail: r.example}.Message())
	}
	return b.String()
}

func TestTheREADMEHasTheTable(t *testing.T) {
	readme.Has(t, "../../README.md", "server/refusal", documented())
}

// TestNothingIsRefusedPastTheTable looks for error events and answers over HTTP
// that are made of strings where something is refused.
func TestNothingIsRefusedPastTheTable(t *testing.T) {
	for _, pattern := range []string{"../ws/*.go", "../origin/*.go", "../service/connections.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CompositeLit:
					if named(n.Type, "event", "Error") {
						t.Errorf("%s: an error event is made here", set.Position(n.Pos()))
					}
				case *ast.CallExpr:
					if named(n.Fun, "http", "Error") {
						t.Errorf("%s: a request is refused here", set.Position(n.Pos()))
					}
				}
				return true
			})
		}
	}
}

// named reports whether an expression is a name of a package.
func named(e ast.Expr, pkg, name string) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != name {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == pkg
}
