package e2e

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe is the source of axe-core, which looks for what keeps people with a
// disability out.
var axe = sync.OnceValues(func() (string, error) {
	source, err := os.ReadFile("../../.build/npm/axe/node_modules/axe-core/axe.min.js")
	if err != nil {
		return "", fmt.Errorf("axe-core is not there; run the tests with: make e2e (%w)", err)
	}
	return string(source), nil
})

// finding is an element that breaks a rule of axe's, or may break it.
type finding struct {
	Rule    string `json:"rule"`
	Target  string `json:"target"` // its selector
	HTML    string `json:"html"`
	Problem string `json:"problem"`
}

func (f finding) String() string {
	return fmt.Sprintf("%s: %s: %s: %s", f.Rule, f.Target, f.HTML, f.Problem)
}

type findings struct {
	Violations []finding `json:"violations"`
	Unsure     []finding `json:"unsure"` // for a person to look at
}

// axeJS runs the rules of WCAG 2.2 up to AA, and of good practice. The size of
// targets is one of them, but axe has it off unless it is asked for.
const axeJS = `axe.run(document, {
	runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
	rules: {"target-size": {enabled: true}},
	resultTypes: ["violations", "incomplete"],
}).then(results => {
	const line = text => text.replace(/\s+/g, " ");
	const list = rules => rules.flatMap(rule => rule.nodes.map(node => ({
		rule: rule.id,
		target: node.target.flat().join(" "),
		html: line(node.html).slice(0, 160),
		problem: line([...node.any, ...node.all, ...node.none].map(check => check.message).join("; ")),
	})));
	return {violations: list(results.violations), unsure: list(results.incomplete)};
})`

// runAxe looks at the page as it is now. The developer tools bring axe in,
// whatever the page's content security policy says.
func (p *person) runAxe() findings {
	p.t.Helper()
	source, err := axe()
	if err != nil {
		p.t.Fatal(err)
	}
	if !eval[bool](p, `"axe" in window`) {
		eval[chromedp.Void](p, source)
	}
	return run(p, chromedp.Evaluate[findings](axeJS, chromedp.EvalAwaitPromise))
}

// audit fails the test for everything that breaks a rule in the page as it is
// now, with the colours of the scheme that it is drawn in.
func (p *person) audit(state string) {
	p.t.Helper()
	found := p.runAxe()
	for _, f := range found.Violations {
		p.t.Errorf("%s: %v", state, f)
	}
	for _, f := range found.Unsure {
		if f.Rule == "color-contrast" {
			p.t.Logf("%s: to be looked at: %v", state, f)
		}
	}
}

func TestAnAuditFindsWhatKeepsPeopleOutAndNothingElse(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, "Ana", s.url)
	p.awaitAlive() // with its policy, under which no page may bring in axe
	plant := func(js string) { p.await(`(() => { ` + js + `; return true })()`) }
	plant(`document.body.innerHTML = "<main><h1>Who is here</h1><p>Nobody yet.</p></main>"`)
	if found := p.runAxe(); len(found.Violations) > 0 {
		t.Errorf("a good page: %v", found.Violations)
	}
	for _, planted := range []struct{ rule, js string }{
		{"image-alt", `document.querySelector("main").append(new Image(40, 40))`},
		{"color-contrast", `document.querySelector("p").style.cssText = "color: #ccc; background: #fff"`},
		{"target-size", `for (const letter of "ab") {
			const button = document.querySelector("main").appendChild(document.createElement("button"));
			button.textContent = letter;
			button.style.cssText = "all: unset; display: inline-block; width: 10px; height: 10px; font-size: 8px";
		}`},
	} {
		plant(planted.js)
		if found := p.runAxe(); !slices.ContainsFunc(found.Violations, func(f finding) bool { return f.Rule == planted.rule }) {
			t.Errorf("%s was not found, only %v", planted.rule, found.Violations)
		}
	}
}
