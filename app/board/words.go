package board

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollcall/shared/event"
)

// CheckName says in a sentence what is plainly wrong with a name, so that nobody waits
// for the server to hear it; empty if nothing is. The server knows all the rules and
// decides.
func CheckName(name string) string {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "Please type a name."
	case !utf8.ValidString(name):
		return "That name cannot be read; please type it again."
	case len(name) > event.MaxTypedBytes:
		return "That name is too long; please shorten it."
	}
	return ""
}

const justNow = "just now"

// Isolate returns a name for a sentence outside of HTML, such as a notification. A name
// that is written from right to left would change the order of the words and numbers
// beside it, so it is put between isolating characters (UAX #9, section 6.3). Other
// names stay as they are.
func Isolate(name string) string {
	if strings.ContainsFunc(name, isRightToLeft) {
		return "\u2068" + name + "\u2069"
	}
	return name
}

// isRightToLeft reports whether a character is in one of the blocks for scripts that
// are written from right to left (DerivedBidiClass.txt).
func isRightToLeft(r rune) bool {
	return 0x0590 <= r && r <= 0x08FF || 0xFB1D <= r && r <= 0xFDFF || 0xFE70 <= r && r <= 0xFEFC ||
		0x10800 <= r && r <= 0x10FFF || 0x1E800 <= r && r <= 0x1EFFF
}

// Ago says in words how long ago since was. Both times are in Unix milliseconds.
func Ago(now, since int64) string {
	d := time.Duration(now-since) * time.Millisecond
	switch {
	case d < time.Minute:
		return justNow
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d < 48*time.Hour:
		return "1 day"
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// AsOf says at what time something was so that may have changed since. It returns
// nothing for the zero time.
func AsOf(at, now time.Time) string {
	year, month, day := at.Date()
	thisYear, thisMonth, today := now.Date()
	switch {
	case at.IsZero():
		return ""
	case year != thisYear:
		return at.Format("on Monday 2 January 2006, 15:04")
	case month != thisMonth || day != today:
		return at.Format("on Monday 2 January, 15:04")
	}
	return at.Format("at 15:04")
}

// Stay says in few words how long somebody has been here. With past, it was so at now,
// and may have ended since.
func Stay(now, since int64, past bool) string {
	ago := Ago(now, since)
	if past && ago == justNow {
		return "just come"
	}
	return ago
}

// Came says how long somebody has been here. Both times are in Unix milliseconds. With
// past, it was so at now, and may have ended since.
func Came(now, since int64, past bool) string {
	ago := Ago(now, since)
	switch {
	case past && ago == justNow:
		return "Had just come"
	case past:
		return "Had been here for " + ago
	case ago == justNow:
		return "Came just now"
	}
	return "Came " + ago + " ago"
}

// Left says when somebody left, in Unix milliseconds; 0 means that it is not known.
func Left(now, left int64) string {
	ago := Ago(now, left)
	switch {
	case left == 0:
		return ""
	case ago == justNow:
		return "Left just now"
	}
	return "Left " + ago + " ago"
}

// Detail is the line under a name: the note in the person's own words, and our words
// before and after it.
type Detail struct{ Before, Note, After string }

// DetailOf returns what is most useful to know of a user at a glance. The note and the
// end of a status tell more than how long it has lasted. Now is in Unix milliseconds,
// and until is from [Until]. With past, it was so at now, and may have ended since.
func DetailOf(u event.User, now int64, past bool, until string) Detail {
	switch {
	case u.Link == event.LinkReconnecting:
		return Detail{Before: "reconnecting"}
	case u.Status != event.StatusHere:
	case u.Note == "":
		return Detail{Before: Stay(now, u.Since, past)}
	default: // what ends then is the note
		return Detail{Note: u.Note, After: preceded(" ", until)}
	}
	long := until
	if until == "" && u.Note == "" {
		long = elapsed(now, u.StatusSince)
	}
	return Detail{Before: u.Status.String() + preceded(" ", long), Note: u.Note}
}

// How says everything about a user's status, without the note. The arguments are those
// of [DetailOf], but until is from [UntilExactly].
func How(u event.User, now int64, until string) string {
	how := howName(u)
	switch {
	case u.Link == event.LinkReconnecting, u.Status == event.StatusHere:
		return how
	case elapsed(now, u.StatusSince) == "":
		return how + preceded(" ", until)
	}
	return how + " for " + elapsed(now, u.StatusSince) + preceded(", ", until)
}

// HowThen is How for a user as they were at a time, which is from [AsOf].
func HowThen(u event.User, asOf, until string) string {
	how := howName(u) + " " + asOf
	if u.Link == event.LinkReconnecting || u.Status == event.StatusHere {
		return how
	}
	return how + preceded(", ", until)
}

// howName returns our word for a status. A status of a newer server is shown as it is.
func howName(u event.User) string {
	switch {
	case u.Link == event.LinkReconnecting:
		return "Reconnecting"
	case u.Status == event.StatusHere:
		return "Here"
	case u.Status == event.StatusAway:
		return "Away"
	case u.Status == event.StatusBusy:
		return "Busy"
	}
	return u.Status.String()
}

// elapsed says for how long something has been so. It is empty for less than a minute,
// and if since is 0, which means not known.
func elapsed(now, since int64) string {
	if ago := Ago(now, since); since != 0 && ago != justNow {
		return ago
	}
	return ""
}

// preceded returns the text with something before it; an empty text stays empty.
func preceded(by, text string) string {
	if text == "" {
		return ""
	}
	return by + text
}

// Until says in few words until when something is so; empty if that is over. Both
// times are in the reader's time zone. With past, it was so at now: then neither
// “tomorrow” nor the name of a weekday is used, which readers would count from today.
func Until(end, now time.Time, past bool) string { return until(end, now, past, "Mon", "2 Jan", "") }

// UntilExactly is Until with the time of another day too.
func UntilExactly(end, now time.Time, past bool) string {
	return until(end, now, past, "Monday", "2 January", " at 15:04")
}

// until takes the layouts of a weekday and of a date, and of the time after those. In
// few words, tomorrow is written as a weekday, which is shorter: a narrow box cuts off
// the end of the line.
func until(end, now time.Time, past bool, weekday, date, clock string) string {
	if end.Before(now) {
		return ""
	}
	end = end.Add(time.Minute - 1).Truncate(time.Minute) // what ends within a minute is not over when that begins
	when, days := "", midnights(now, end)
	switch {
	case days == 1 && end.Format("15:04") == "00:00":
		when = "midnight"
	case days == 0, end.Sub(now) < 12*time.Hour:
		when = end.Format("15:04")
	case days == 1 && !past && clock != "":
		when = "tomorrow" + end.Format(clock)
	case days < 7 && !past:
		when = end.Format(weekday + clock)
	case end.Year() == now.Year():
		when = end.Format(date + clock)
	default:
		when = end.Format(date + " 2006" + clock)
	}
	return "until " + when
}

// midnights returns how many midnights are between two times, each in its own zone:
// summer time may begin or end in between.
func midnights(from, to time.Time) int {
	day := func(t time.Time) time.Time {
		year, month, day := t.Date()
		return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	}
	return int(day(to).Sub(day(from)) / (24 * time.Hour))
}

// Initials returns the first characters, as a reader sees them, of the first and the
// last word of a name, without punctuation before them. A picture stands alone, and so
// does a character that leaves no space for a second one.
func Initials(name string) string {
	var words []string
	for word := range strings.FieldsSeq(name) {
		if word = strings.TrimLeftFunc(word, isLeadIn(word)); word != "" {
			words = append(words, word)
		}
	}
	if len(words) == 0 {
		return first(strings.TrimSpace(name)) // of nothing but punctuation
	}
	start, end := first(words[0]), first(words[len(words)-1])
	if len(words) == 1 || !isLetter(start) || !isLetter(end) || utf8.RuneCountInString(start+end) > maxInitials {
		return start
	}
	return start + end
}

// maxInitials is the largest number of code points of two initials: a letter with marks
// each, or a conjunct of two letters and a vowel.
const maxInitials = 8

// isLeadIn reports whether a word begins with a character that is no initial:
// punctuation, a sign or a mark, unless it is shown as a picture (‼️, #️⃣).
func isLeadIn(word string) func(rune) bool {
	return func(r rune) bool {
		_, after, _ := strings.Cut(word, string(r))
		next, _ := utf8.DecodeRuneInString(after)
		return unicode.In(r, unicode.P, unicode.Sm, unicode.Sc, unicode.Sk, unicode.M, unicode.Cf) && next != vs16 && next != keycap
	}
}

func isLetter(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// first returns the first character of a word with all that belongs to it: marks,
// variation selectors, skin tones, joined characters, the other half of a flag, the
// letters of a conjunct. It is close to UAX #29 without its tables, which are too large
// for a page. It uses title case, since Georgian has capitals for whole words only, and
// few fonts have those.
func first(word string) string {
	r, end := utf8.DecodeRuneInString(word)
	flag := isRegional(r)
	linked := false // a sign that makes a conjunct with the next letter is last
	for runes := 1; end < len(word) && runes < maxCluster; runes++ {
		next, n := utf8.DecodeRuneInString(word[end:])
		switch {
		case isLinker(next):
			linked = true
		case unicode.Is(unicode.M, next), isSkinTone(next), isTag(next):
		case next == zwj && linked:
		case next == zwj && joinsPicture(word[end+n:]):
			_, joined := utf8.DecodeRuneInString(word[end+n:])
			n += joined
		case flag && isRegional(next):
			flag = false
		case linked && unicode.IsLetter(next):
			linked = false
		default:
			return title(word[:end])
		}
		end += n
	}
	return title(word[:end])
}

// maxCluster is the largest number of code points of a character. The longest emoji
// have ten.
const maxCluster = 12

func title(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError {
		return s
	}
	return string(unicode.ToTitle(r)) + s[size:]
}

// isLinker reports whether a sign makes one character of the letters around it, in
// scripts in which people have names (UAX #29, rule GB9c).
func isLinker(r rune) bool {
	switch r {
	case 0x094D, 0x09CD, 0x0ACD, 0x0B4D, 0x0C4D, 0x0D4D, 0x1039, 0x17D2, 0x1B44, 0x1BAB, 0xA9C0:
		return true
	}
	return false
}

const (
	vs16   = '\ufe0f'
	keycap = '\u20e3'
)

const zwj = '\u200d'

// joinsPicture reports whether the character after a joiner makes one picture with those
// before it. Letters are joined in writing only.
func joinsPicture(rest string) bool {
	r, _ := utf8.DecodeRuneInString(rest)
	return rest != "" && !unicode.IsLetter(r)
}

func isRegional(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }
func isSkinTone(r rune) bool { return r >= 0x1f3fb && r <= 0x1f3ff }
func isTag(r rune) bool      { return r >= 0xe0020 && r <= 0xe007f }
