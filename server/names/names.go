// Package names turns a text that a person typed, such as a name or a note, into
// the one form that is stored and shown, or says in a sentence to the person why it
// cannot be stored.
//
// A text that it accepts is one line that everybody can see: it has no line breaks,
// nothing invisible, and nothing that is drawn outside its own place on the page. Every
// script, emoji and punctuation mark stays. Characters that mean something to HTML stay
// as well: the code that writes HTML escapes them.
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

// The limits. They count the stored form. A grapheme is what a person calls a
// character: an extended grapheme cluster of UAX #29, with the conjuncts of Indic
// letters (rule GB9c), as browsers count. The byte limits leave 16 bytes for a grapheme:
// five letters and signs of a conjunct. So they matter only if nearly every grapheme has
// many code points.
const (
	MaxNameGraphemes = 32
	MaxNameBytes     = 512
	MaxNoteGraphemes = 80
	MaxNoteBytes     = 1280

	// MaxStacked is how many marks one letter may have above, below or around it. Four
	// are enough for pointed Hebrew and Vietnamese. Texts with more are made to cover
	// the lines around them. MaxMarks counts marks beside the letter as well: Burmese
	// has five.
	MaxStacked = 4
	MaxMarks   = 8
)

// Problem is why a text was refused.
type Problem struct {
	// Message is a whole sentence for the person who typed: what is wrong and what to
	// do. It never repeats what was typed.
	Message string
}

// Error returns the message.
func (p *Problem) Error() string { return p.Message }

// Fold returns the form in which names and queries are compared; see [search.Finds].
// It is not for showing.
func Fold(s string) string { return search.Fold(norm.NFKD.String(s)) }

// Length returns how many graphemes a text has.
func Length(s string) int {
	n := 0
	for all := graphemes.FromString(s); all.Next(); {
		n++
	}
	return n
}

// rules has a rule for each text of a user, by the name of the field in frames. A field
// without a rule takes no text.
var rules = map[string]rule{
	"name": {noun: "name", graphemes: MaxNameGraphemes, bytes: MaxNameBytes},
	"note": {noun: "note", graphemes: MaxNoteGraphemes, bytes: MaxNoteBytes, mayBeEmpty: true},
}

// rule says which texts a field takes.
type rule struct {
	noun             string
	graphemes, bytes int
	mayBeEmpty       bool
}

// Text returns the stored form of what a person typed as a field of a user. It is in
// NFC. It has no white space around it, single spaces inside it, and no invisible
// characters that do nothing where they stand. The stored form of a stored form is the
// same. The error is always a *Problem.
func Text(field, typed string) (string, error) { return clean(typed, rules[field]) }

// Longest returns the texts that take most memory: each is as long as its rule
// allows, and JSON adds a byte to each of its characters.
func Longest() event.Patch {
	var all event.Patch
	for field := range rules {
		all = all.Then(event.User{}.Field(field)) // an empty text
	}
	all, err := all.MapTexts(func(field, _ string) (string, error) {
		r := rules[field]
		return strings.Repeat(`"`, r.graphemes) + strings.Repeat("x", r.bytes-r.graphemes), nil
	})
	if err != nil {
		panic(err) // the function above returns none
	}
	return all
}

// What can be wrong with a text, as the rest of a sentence that begins "That name".
// No sentence asks people to type again what their keyboard types.
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

	// When a character between a letter and its accent is removed, NFC composes the two.
	// After that, a joiner beside them may have to go, or may stay. So both are repeated
	// until nothing changes, which takes two or three rounds.
	for before := ""; s != before; {
		before, s = s, norm.NFC.String(removeInvisible(s))
	}
	if s == "" {
		if r.mayBeEmpty {
			return "", nil
		}
		return "", &Problem{Message: "Please type a " + r.noun + "."}
	}

	runes := []rune(s)
	if hasTooManyMarks(runes) {
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

// hasTooManyMarks reports whether a letter has more marks than it may have. In a
// conjunct each letter has marks of its own. Variation selectors are marks by category,
// but nobody sees them.
func hasTooManyMarks(rs []rune) bool {
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
