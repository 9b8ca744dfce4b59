package metrics

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/server/hub"
	"rollcall/server/refusal"
	"rollcall/shared/event"
)

type sink struct{}

func (sink) Send(*hub.Conn, hub.Frame) bool { return true }

// scrape returns what a monitoring system reads.
func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("%d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

func expect(t *testing.T, m *Metrics, lines ...string) {
	t.Helper()
	said := strings.Split(scrape(t, m), "\n")
	for _, line := range lines {
		if !slices.Contains(said, line) {
			t.Errorf("it does not say %q", line)
		}
	}
}

func TestWhatHappensIsCounted(t *testing.T) {
	m := New()
	h := hub.New(hub.Options{Seen: m.Seen})
	defer h.Close()
	m.Read(Sources{
		Version: "v1.2.3", Hub: h, Sockets: func() int { return 7 }, Plain: func() int { return 3 },
		Refused:       func(r refusal.Reason) uint64 { return map[refusal.Reason]uint64{refusal.UnknownHost: 5}[r] },
		StateFailures: func() uint64 { return 2 }, StateBytes: func() int64 { return 99 },
	})
	ana, err := h.Join("a", hub.Person{ID: "a", Profile: event.Named("Ana")}, sink{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Join("a", hub.Person{ID: "b", Profile: event.Named("Ben")}, sink{}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Watch("b", hub.Visitor{}, sink{}); err != nil {
		t.Fatal(err)
	}
	ana.Leave(0)
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(scrape(t, m), "rollcall_seen_seconds_count 2\n"); time.Sleep(time.Millisecond) { // polls
		if time.Now().After(deadline) {
			t.Fatal("that two were seen is not counted")
		}
	}
	expect(t, m,
		`rollcall_build_info{version="v1.2.3"} 1`,
		`rollcall_connections{kind="websocket"} 7`,
		`rollcall_connections{kind="http"} 3`,
		`rollcall_rooms 2`, `rollcall_people 1`, `rollcall_watching 1`, `rollcall_reconnecting 0`,
		`rollcall_joins_total 2`, `rollcall_watches_total 1`, `rollcall_arrivals_total 2`,
		`rollcall_departures_total{reason="left"} 1`, `rollcall_departures_total{reason="lost"} 0`,
		`rollcall_refusals_total{reason="`+refusal.UnknownHost.String()+`"} 5`,
		`rollcall_state_bytes 99`, `rollcall_state_failures_total 2`,
	)
	if strings.Contains(scrape(t, m), "nats") {
		t.Error("a server that is alone speaks of NATS")
	}
}

// A panel of a metric that is called otherwise shows nothing, for ever.
func TestTheDashboardShowsWhatThereIs(t *testing.T) {
	file, err := os.ReadFile("grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(file, &board); err != nil {
		t.Fatal(err)
	}
	shown := make(map[string]bool)
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			for _, name := range regexp.MustCompile(`rollcall_\w+`).FindAllString(target.Expr, -1) {
				name = strings.TrimSuffix(name, "_bucket")
				shown[name] = true
				if !slices.Contains(Names(), name) {
					t.Errorf("%s shows %s, which is no metric", p.Title, name)
				}
			}
		}
	}
	for _, name := range Names() {
		if !shown[name] {
			t.Errorf("no panel shows %s", name)
		}
	}
}
