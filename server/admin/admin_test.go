package admin

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollcall/server/hub"
	"rollcall/shared/event"
)

type sink struct{}

func (sink) Send(*hub.Conn, hub.Frame) bool { return true }

// get returns a page.
func get(t *testing.T, h http.Handler, target string) (int, string) {
	t.Helper()
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest("GET", target, nil))
	return answer.Code, answer.Body.String()
}

func serve(t *testing.T, password string) (*hub.Hub, http.Handler) {
	t.Helper()
	rooms := hub.New(hub.Options{Grace: time.Hour})
	t.Cleanup(rooms.Close)
	return rooms, New(Options{Hub: rooms, Metrics: http.NotFoundHandler(), Version: "v1", Password: password})
}

func enter(t *testing.T, h *hub.Hub, room, name string) *hub.Conn {
	t.Helper()
	c, err := h.Join(room, hub.Person{ID: "id-" + name, Profile: event.Named(name)}, sink{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWithAPasswordNothingIsShownWithoutIt(t *testing.T) {
	_, h := serve(t, "secret")
	for _, target := range []string{"/", "/room?name=a", "/metrics", "/debug/pprof/", "/debug/pprof/heap", "/nothing"} {
		for name, c := range map[string]struct {
			password string
			refused  bool
		}{"none": {"", true}, "another": {"Secret", true}, "longer": {"secret ", true}, "it": {"secret", false}} {
			r := httptest.NewRequest("GET", target, nil)
			if c.password != "" {
				r.SetBasicAuth("anybody", c.password)
			}
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, r)
			if refused := answer.Code == http.StatusUnauthorized; refused != c.refused || refused && answer.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s, password %s: %d", target, name, answer.Code)
			}
		}
	}
}

func TestTheRoomsAreFoundAndInTheOrderThatIsAskedFor(t *testing.T) {
	rooms, h := serve(t, "")
	enter(t, rooms, "alpha", "Ana")
	enter(t, rooms, "beta", "Ben")
	enter(t, rooms, "beta", "Cyd")
	order := func(target string) string {
		code, page := get(t, h, target)
		if code != http.StatusOK {
			t.Errorf("%s: %d", target, code)
		}
		var found []string
		for _, name := range []string{"alpha", "beta"} {
			if i := strings.Index(page, "/room?name="+name); i >= 0 {
				found = append(found, name)
			}
		}
		if len(found) == 2 && strings.Index(page, "name=beta") < strings.Index(page, "name=alpha") {
			found[0], found[1] = found[1], found[0]
		}
		return strings.Join(found, " ")
	}
	for target, want := range map[string]string{
		"/": "beta alpha", "/?sort=name": "alpha beta", "/?sort=nonsense": "beta alpha", "/?q=ALP": "alpha", "/?q=no": "",
	} {
		if got := order(target); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
	if _, page := get(t, h, "/"); !strings.Contains(page, "3 people in 2 rooms") {
		t.Error(page)
	}
}

func TestARoomSaysWhyEverybodyIsThere(t *testing.T) {
	rooms, h := serve(t, "")
	ana := enter(t, rooms, "a", "Ana")
	enter(t, rooms, "a", "Ana")
	enter(t, rooms, "a", "<b>Ben</b>").Close(false)
	_ = ana
	_, page := get(t, h, "/room?name=a")
	for _, want := range []string{"2 people", "id-Ana", "&lt;b&gt;Ben", "has no connection here, and is gone (lost) at", `<td class="n">2</td>`} {
		if !strings.Contains(page, want) {
			t.Errorf("it does not say %q:\n%s", want, page)
		}
	}
	if _, page := get(t, h, "/room?name=a&q=ana"); strings.Contains(page, "Ben") {
		t.Error("who is not searched for is found")
	}
	if code, page := get(t, h, "/room?name="+url.QueryEscape("<script>")); code != http.StatusNotFound || strings.Contains(page, "<script>") {
		t.Errorf("%d: %s", code, page)
	}
}

func TestNothingCanBeDone(t *testing.T) {
	rooms, h := serve(t, "")
	enter(t, rooms, "a", "Ana")
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, httptest.NewRequest(method, "/room?name=a", nil))
		if answer.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, answer.Code)
		}
	}
}
