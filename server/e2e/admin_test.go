package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Somebody operates the server, and people come and go.
func TestAnOperatorSeesWhoIsHereAndWhy(t *testing.T) {
	ports, _ := freePorts(t)
	s := start(t, "-admin-addr", "127.0.0.1:"+ports[0])
	operator := &server{t: t, url: "http://127.0.0.1:" + ports[0]}
	ana := visit(t, "Ana", s.url+"/r/team")
	ana.join("Ana")
	ben := visit(t, "Ben", s.url+"/r/team")
	ben.join("Ben")
	ana.sees("Ana", "Ben")

	eye := visit(t, "an operator", operator.url)
	eye.await(`document.body.innerText.includes("2 people in 1 room,")`)
	for name, size := range map[string][2]int64{"360": {360, 740}, "820": {820, 1180}, "1440": {1440, 900}} {
		eye.do(chromedp.EmulateViewport(size[0], size[1]))
		eye.screenshot("look/admin-rooms-" + name + ".png")
	}
	eye.click(`a[href="/room?name=team"]`)
	eye.await(`document.body.innerText.includes("has a connection here")`)
	eye.screenshot("look/admin-room-1440.png")
	eye.do(chromedp.EmulateViewport(360, 740))
	eye.screenshot("look/admin-room-360.png")

	answer, err := http.Get(operator.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"rollcall_people 2\n", `rollcall_connections{kind="websocket"} 2` + "\n", "rollcall_state_failures_total 0\n", "process_open_fds "} {
		if !strings.Contains(string(said), line) {
			t.Errorf("the metrics have no %q", line)
		}
	}
	for name, c := range map[string]struct {
		path, host, origin string
		status             int
	}{
		"by its address":           {"/", "", "", 200},
		"by another name":          {"/debug/pprof/heap", "evil.example", "", 421},
		"by a page of another one": {"/metrics", "", "https://evil.example", 403},
		"a probe":                  {"/debug/pprof/cmdline", "", "", 200},
	} {
		headers := map[string]string{}
		if c.host != "" {
			headers["Host"] = c.host
		}
		if c.origin != "" {
			headers["Origin"] = c.origin
		}
		if got := operator.ask("GET", c.path, headers); got != c.status {
			t.Errorf("%s: %d, want %d", name, got, c.status)
		}
	}
	if got := s.ask("GET", "/metrics", nil); got == 200 {
		t.Error("the metrics are public")
	}
}
