// Package names turns a text that a person typed, such as a name or a note, into
// the one form that is stored and shown, or says in a sentence a person can use
// why it can't be.
//
// What it lets through is one line of text that everybody can see: no line
// breaks, nothing invisible, nothing that reaches out of its own place on the
// page. It keeps every script, emoji and punctuation mark. Characters that
// mean something to HTML are ordinary here; escaping is for whoever writes
// HTML.
package names

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"golang.org/x/text/unicode/norm"

	"rollcall/shared/event"
	"rollcall/shared/search"
)

// The limits, all counted on the stored form. A grapheme is what a person
// calls a character: an extended grapheme cluster of UAX #29, conjuncts of
// Indic letters (rule GB9c) among them, as browsers count. The byte limits
// leave 16 bytes a grapheme, five letters and signs of a conjunct, so they only
// bite where nearly every grapheme is built of many code points.
const (
	MaxNameGraphemes = 32
	MaxNameBytes     = 512
	MaxNoteGraphemes = 80
	MaxNoteBytes     = 1280

	// MaxStacked is the most marks above, below or around one letter. Four is
	// enough for pointed Hebrew and Vietnamese; more is text made to spill
	// over its neighbours. MaxMarks counts those as well that stand beside the
	// letter; Burmese has five.
	MaxStacked = 4
	MaxMarks   = 8
)

// Problem is why a text was refused.
type Problem struct {
	// Message is a whole sentence for the person who typed, saying what is
	// wrong and what to do. It never repeats what was typed.
	Message string
}

// Error returns the message.
func (p *Problem) Error() string { return p.Message }

// Fold returns the form in which names and queries compare; see
// [search.Finds]. It is for searching, not for showing.
func Fold(s string) string { return search.Fold(norm.NFKD.String(s)) }

// Length counts a text's characters as a reader sees them.
func Length(s string) int {
	n := 0
	for all := graphemes.FromString(s); all.Next(); {
		n++
	}
	return n
}

// rules are what the texts of a user may be, by the name of the field in frames.
// A field that has no rule takes no text.
var rules = map[string]rule{
	"name": {noun: "name", graphemes: MaxNameGraphemes, bytes: MaxNameBytes},
	"note": {noun: "note", graphemes: MaxNoteGraphemes, bytes: MaxNoteBytes, mayBeEmpty: true},
}

// rule is what one text may be.
type rule struct {
	noun             string
	graphemes, bytes int
	mayBeEmpty       bool
}

// Text returns the stored form of what a person typed as a field of a user: NFC,
// without white space around it, with each run of white space inside it as a
// single space, and without what is invisible and does nothing where it stands.
// The stored form of a stored form is the same. The error is always a *Problem.
func Text(field, typed string) (string, error) { return clean(typed, rules[field]) }

// Longest returns the texts that take most memory: each is as long as its rule
// allows, and JSON adds a byte to each of its characters.
func Longest() event.Patch {
	var all event.Patch
	for field := range rules {
		all = all.Then(event.User{}.Field(field)) // which is empty
	}
	all, err := all.MapTexts(func(field, _ string) (string, error) {
		r := rules[field]
		return strings.Repeat(`"`, r.graphemes) + strings.Repeat("x", r.bytes-r.graphemes), nil
	})
	if err != nil {
		panic(err) // there is none
	}
	return all
}

// What can be wrong with a text, as the rest of a sentence that begins
// "That name". None tells people to type again what a keyboard types.
const (
	brokenText    = "has broken text in it; please type it again."
	controlChar   = "has a control character in it; please type it instead of pasting it."
	directionMark = "has a hidden mark in it that reverses text; please leave it out, as right-to-left writing works without it."
	privateChar   = "has a symbol in it that only some devices can show; please leave it out."
	noChar        = "has something in it that is no character; please type it instead of pasting it."
	strayTag      = "has hidden tag characters outside a flag; please type it instead of pasting it."
	leadingMark   = "starts with an accent or mark that has no letter to sit on; please put a letter first."
	tooManyMarks  = "has too many accents or marks on one character; please leave some out."
	tooLong       = "is %d characters long; %d is the most."
	farTooLong    = "is far too long; %d characters is the most."
	tooManyParts  = "is too long, because some of its characters are made of many parts; please use fewer of them."
)

func (r rule) problem(fault string) *Problem {
	return &Problem{Message: "That " + r.noun + " " + fault}
}

func clean(s string, r rule) (string, error) {
	if len(s) > event.MaxTypedBytes {
		return "", r.problem(fmt.Sprintf(farTooLong, r.graphemes))
	}
	if !utf8.ValidString(s) {
		return "", r.problem(brokenText)
	}

	// What is left out may bring a letter and its accent together, and what is
	// composed may be what a joiner needs, or not; two or three rounds end it.
	for before := ""; s != before; {
		before, s = s, norm.NFC.String(tidy(s))
	}
	if s == "" {
		if r.mayBeEmpty {
			return "", nil
		}
		return "", &Problem{Message: "Please type a " + r.noun + "."}
	}

	runes := []rune(s)
	if overloaded(runes) {
		return "", r.problem(tooManyMarks)
	}
	for i := range runes {
		if fault := faultAt(runes, i); fault != "" {
			return "", r.problem(fault)
		}
	}
	if n := Length(s); n > r.graphemes {
		return "", r.problem(fmt.Sprintf(tooLong, n, r.graphemes))
	}
	if len(s) > r.bytes {
		return "", r.problem(tooManyParts)
	}
	return s, nil
}

// overloaded reports whether a letter carries more marks than it may. In a
// conjunct each letter has its own. Variation selectors are marks by category,
// but add no ink.
func overloaded(rs []rune) bool {
	marks, stacked := 0, 0
	for _, r := range rs {
		switch {
		case unicode.Is(unicode.Variation_Selector, r):
			continue
		case !isMark(r):
			marks, stacked = 0, 0
			continue
		case !unicode.Is(unicode.Mc, r):
			stacked++
		}
		if marks++; marks > MaxMarks || stacked > MaxStacked {
			return true
		}
	}
	return false
}
