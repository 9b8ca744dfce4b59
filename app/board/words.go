package board

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollcall/shared/event"
)

// CheckName says what is plainly wrong with a name, so that nobody waits for
// the server to hear it. The server knows all the rules and has the last
// word.
func CheckName(name string) string {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "Please type a name."
	case !utf8.ValidString(name):
		return "That name cannot be read; please type it again."
	case len(name) > event.MaxNameBytes:
		return "That name is too long; please shorten it."
	}
	return ""
}

// Ago says in words how long ago since was, both in Unix milliseconds.
func Ago(now, since int64) string {
	d := time.Duration(now-since) * time.Millisecond
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d < 48*time.Hour:
		return "1 day"
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// Initials are the first characters, as a reader sees them, of the first and
// the last word of a name. A picture stands alone.
func Initials(name string) string {
	words := strings.Fields(name)
	if len(words) == 0 {
		return ""
	}
	start, end := first(words[0]), first(words[len(words)-1])
	if len(words) == 1 || !isLetter(start) || !isLetter(end) {
		return start
	}
	return start + end
}

func isLetter(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// first is the first character of a word with what belongs to it: marks,
// variation selectors, skin tones, what is joined to it, the other half of a
// flag. It is close to UAX #29 without its tables, which a page should not
// carry.
func first(word string) string {
	r, size := utf8.DecodeRuneInString(word)
	end := size
	flag := isRegional(r)
	for end < len(word) {
		next, n := utf8.DecodeRuneInString(word[end:])
		switch {
		case unicode.Is(unicode.M, next), isSkinTone(next), isTag(next):
		case next == zwj && joins(word[end+n:]):
			_, joined := utf8.DecodeRuneInString(word[end+n:])
			n += joined
		case flag && isRegional(next):
			flag = false
		default:
			return strings.ToUpper(word[:end])
		}
		end += n
	}
	return strings.ToUpper(word)
}

const zwj = '\u200d'

// joins reports whether what follows a joiner makes one picture with what is
// before it; letters are joined in writing only.
func joins(rest string) bool {
	r, _ := utf8.DecodeRuneInString(rest)
	return rest != "" && !unicode.IsLetter(r)
}

func isRegional(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }
func isSkinTone(r rune) bool { return r >= 0x1f3fb && r <= 0x1f3ff }
func isTag(r rune) bool      { return r >= 0xe0020 && r <= 0xe007f }
