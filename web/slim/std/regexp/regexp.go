// Package regexp stands in for regexp, of which go-app's routes are the only
// use. It knows one kind of expression: a caret and a beginning.
package regexp

import "strings"

type Regexp struct{ beginning string }

// MustCompile panics for any other kind.
func MustCompile(expression string) *Regexp {
	beginning, ok := strings.CutPrefix(expression, "^")
	if !ok || strings.ContainsAny(beginning, `\.+*?()|[]{}^$`) {
		panic("regexp: in a page an expression is ^ and a beginning, not " + expression)
	}
	return &Regexp{beginning}
}

func (re *Regexp) MatchString(s string) bool { return strings.HasPrefix(s, re.beginning) }
