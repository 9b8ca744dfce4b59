// Package names turns what a person typed as a name or a note into the one
// form that is stored and shown, or says in a sentence a person can use why
// it can't be.
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

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"

	"rollcall/shared/search"
)

// The limits, all counted on the stored form. A grapheme is what a person
// calls a character: an extended grapheme cluster of UAX #29. The byte limits
// leave four bytes a grapheme, so they only bite where many graphemes are
// built of several code points.
const (
	MaxNameGraphemes = 32
	MaxNameBytes     = 128
	MaxNoteGraphemes = 80
	MaxNoteBytes     = 320

	// MaxMarks is the most combining marks on one grapheme. Four is enough
	// for pointed Hebrew and Vietnamese; more is text made to spill over
	// its neighbours.
	MaxMarks = 4
)

// maxInputBytes is where text is refused unread: far more than any name or
// note that white space and normalising could bring down to size.
const maxInputBytes = 4096

// Problem is why a name or a note was refused.
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

// Name returns the stored form of a typed name: NFC, without white space
// around it, and with each run of white space inside it as a single space.
// Name of a stored form is that form. The error is always a *Problem.
func Name(s string) (string, error) {
	return clean(s, kind{noun: "name", graphemes: MaxNameGraphemes, bytes: MaxNameBytes})
}

// Note is [Name] for a note, which may be longer, and may be empty.
func Note(s string) (string, error) {
	return clean(s, kind{noun: "note", graphemes: MaxNoteGraphemes, bytes: MaxNoteBytes, mayBeEmpty: true})
}

// kind is what differs between a name and a note.
type kind struct {
	noun             string
	graphemes, bytes int
	mayBeEmpty       bool
}

// What can be wrong with a text, as the rest of a sentence that begins
// "That name" or "That note".
const (
	brokenText     = "has broken text in it; please type it again."
	controlChar    = "has a control character in it; please type it again instead of pasting it."
	directionMark  = "has a hidden mark in it that changes the direction of text; please leave it out, as right-to-left writing works without it."
	privateChar    = "has a symbol in it that only some devices can show; please leave it out."
	unknownChar    = "has a character in it that is not known here; please leave it out."
	invisibleChar  = "has an invisible character in it; please type it again instead of pasting it."
	strayJoiner    = "has an invisible joining character where it joins nothing; please delete it or type it all again."
	strayVariation = "has an invisible style mark after a character that has no such style; please type it again instead of pasting it."
	strayTag       = "has hidden tag characters outside a flag; please type it again instead of pasting it."
	leadingMark    = "starts with an accent or mark that has no letter to sit on; please put a letter first."
	tooManyMarks   = "has too many accents or marks on one character; %d is the most."
	tooLong        = "is %d characters long; %d is the most."
	farTooLong     = "is far too long; %d characters is the most."
	tooManyParts   = "is too long, because some of its characters are made of many parts; please use fewer of them."
)

func (k kind) problem(fault string) *Problem {
	return &Problem{Message: "That " + k.noun + " " + fault}
}

func clean(s string, k kind) (string, error) {
	if len(s) > maxInputBytes {
		return "", k.problem(fmt.Sprintf(farTooLong, k.graphemes))
	}
	if !utf8.ValidString(s) {
		return "", k.problem(brokenText)
	}

	// NFC goes last: it makes no white space and joins nothing to a space,
	// so what comes out is final in both respects, and all checks are on it.
	s = norm.NFC.String(strings.Join(strings.Fields(s), " "))
	if s == "" {
		if k.mayBeEmpty {
			return "", nil
		}
		return "", &Problem{Message: "Please type a " + k.noun + "."}
	}

	// Marks go before single characters: norm puts an invisible U+034F into
	// a pile of more than 30 (UAX #15, Stream-Safe Text Format), and the
	// person who typed the pile should hear about the pile.
	graphemes, state := 0, -1
	for rest := s; rest != ""; graphemes++ {
		var grapheme string
		grapheme, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if marks(grapheme) > MaxMarks {
			return "", k.problem(fmt.Sprintf(tooManyMarks, MaxMarks))
		}
	}
	runes := []rune(s)
	for i := range runes {
		if fault := faultAt(runes, i); fault != "" {
			return "", k.problem(fault)
		}
	}
	if graphemes > k.graphemes {
		return "", k.problem(fmt.Sprintf(tooLong, graphemes, k.graphemes))
	}
	if len(s) > k.bytes {
		return "", k.problem(tooManyParts)
	}
	return s, nil
}

// marks counts the combining marks of a grapheme. Variation selectors have
// that category too, but add no ink.
func marks(grapheme string) int {
	n := 0
	for _, r := range grapheme {
		if unicode.IsMark(r) && !unicode.Is(unicode.Variation_Selector, r) {
			n++
		}
	}
	return n
}
