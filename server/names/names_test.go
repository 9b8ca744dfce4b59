package names

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

const (
	england = "\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F"
	family  = "\U0001F469\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466"
)

var accepted = []struct{ why, typed, stored string }{
	{"plain", "Ada Lovelace", "Ada Lovelace"},
	{"one letter", "X", "X"},
	{"only punctuation", "...", "..."},
	{"HTML characters are ordinary", `<b>"'&`, `<b>"'&`},
	{"white space around and inside", "\t  Ada \r\n\u00A0\u3000 Lovelace \u2028", "Ada Lovelace"},
	{"next line, ogham and em spaces", "a\u0085b\u1680c\u2003d\u202Fe\u2029f", "a b c d e f"},
	{"32 graphemes", strings.Repeat("x", 32), strings.Repeat("x", 32)},
	{"32 four-byte characters are 128 bytes", strings.Repeat("\U00020000", 32), strings.Repeat("\U00020000", 32)},
	{"size counts after normalising", strings.Repeat(" ", 4000) + strings.Repeat("e\u0301", 32), strings.Repeat("\u00E9", 32)},

	{"Latin typed decomposed", "Zoe\u0308 A\u030Angstro\u0308m", "Zo\u00EB \u00C5ngstr\u00F6m"},
	{"Vietnamese stacked marks", "Nguye\u0302\u0303n", "Nguy\u1EC5n"},
	{"four marks that do not compose", "q\u0301\u0302\u0303\u0304", "q\u0301\u0302\u0303\u0304"},
	{"Greek question mark becomes a semicolon", "a\u037Eb", "a;b"},
	{"Cyrillic", "Йосиф Ґудзь", "Йосиф Ґудзь"},
	{"Hebrew with points", "\u05E9\u05C1\u05BC\u05B8\u05DC\u05D5\u05B9\u05DD", "\u05E9\u05B8\u05BC\u05C1\u05DC\u05D5\u05B9\u05DD"},
	{"Arabic with vowels", "مُحَمَّد", norm.NFC.String("مُحَمَّد")},
	{"Arabic number sign has ink", "\u0600١٢", "\u0600١٢"},
	{"Persian ZWNJ", "می\u200Cخواهم", "می\u200Cخواهم"},
	{"ZWNJ after an Arabic mark", "بِ\u200Cب", "بِ\u200Cب"},
	{"Devanagari conjunct", "क्षत्रिय", "क्षत्रिय"},
	{"Devanagari ZWJ after virama", "र\u094D\u200Dय", "र\u094D\u200Dय"},
	{"Bengali ZWJ before virama", "র\u200D\u09CDযাব", "র\u200D\u09CDযাব"},
	{"Telugu ZWNJ after virama", "రాజ్\u200Cకుమార్", "రాజ్\u200Cకుమార్"},
	{"Malayalam old chillu at the end", "രാജന\u0D4D\u200D", "രാജന\u0D4D\u200D"},
	{"Malayalam old chillu inside", "ന\u0D4D\u200Dമ x", "ന\u0D4D\u200Dമ x"},
	{"Sinhala ZWJ", "ශ\u0DCA\u200Dරී", "ශ\u0DCA\u200Dරී"},
	{"Mongolian selector and separator", "ᠠ\u180Bᠨ\u180Eᠠ", "ᠠ\u180Bᠨ\u180Eᠠ"},
	{"Thai", "กิ่งแก้ว น้ำ", "กิ่งแก้ว น้ำ"},
	{"Khmer", "សុខា ខ្មែរ", "សុខា ខ្មែរ"},
	{"Korean typed as jamo", "\u1112\u1161\u11AB", "한"},
	{"Chinese", "王小明", "王小明"},
	{"Japanese with ideographic variation", "葛\U000E0100城", "葛\U000E0100城"},
	{"Han with standardized variation", "逸\uFE00", "逸\uFE00"},

	{"family", family, family},
	{"skin tone and ZWJ", "👩🏽\u200D🚀", "👩🏽\u200D🚀"},
	{"heart on fire", "❤\uFE0F\u200D🔥", "❤\uFE0F\u200D🔥"},
	{"rainbow flag", "🏳\uFE0F\u200D🌈", "🏳\uFE0F\u200D🌈"},
	{"woman runner facing right", "🏃\u200D♀\uFE0F\u200D➡\uFE0F", "🏃\u200D♀\uFE0F\u200D➡\uFE0F"},
	{"country flags", "🇩🇪🇯🇵", "🇩🇪🇯🇵"},
	{"flag of England", england, england},
	{"keycaps", "1\uFE0F\u20E3#\uFE0F\u20E3*\u20E3", "1\uFE0F\u20E3#\uFE0F\u20E3*\u20E3"},
	{"text and emoji styles", "☺\uFE0E ☺\uFE0F ©\uFE0F ‼\uFE0F ℹ\uFE0F", "☺\uFE0E ☺\uFE0F ©\uFE0F ‼\uFE0F ℹ\uFE0F"},
	{"skin tone alone", "🏽", "🏽"},
}

var refused = []struct{ why, typed, message string }{
	{"nothing", "", "Please type a name."},
	{"only white space", " \t\u00A0\u3000\n", "Please type a name."},
	{"33 graphemes", strings.Repeat("x", 33), "That name is 33 characters long; 32 is the most."},
	{"33 families count as 33", strings.Repeat(family, 33), "is 33 characters long"},
	{"129 bytes", strings.Repeat(family, 5) + "abcd", "too long, because some of its characters"},
	{"huge", strings.Repeat("x", 4097), "far too long; 32 characters"},
	{"huge white space", strings.Repeat(" ", 4097), "far too long"},

	{"invalid UTF-8", "a\xFFb", "broken text"},
	{"surrogate", "a\xED\xA0\x80b", "broken text"},
	{"replacement character", "a\uFFFDb", "broken text"},
	{"object replacement character", "a\uFFFCb", "broken text"},
	{"NUL", "a\x00b", "control character"},
	{"escape", "\x1B[31mred", "control character"},
	{"delete", "a\x7F", "control character"},
	{"C1 control", "a\u009B", "control character"},
	{"private use", "\uF8FF", "only some devices"},
	{"private use plane", "a\U00100000", "only some devices"},
	{"unassigned", "a\u0378", "not known here"},
	{"noncharacter", "a\uFDD0", "not known here"},
	{"last noncharacter", "a\U0010FFFF", "not known here"},

	{"right-to-left override", "user\u202Egpj.exe", "direction of text"},
	{"isolate", "\u2066a\u2069", "direction of text"},
	{"right-to-left mark", "שלום\u200F", "direction of text"},
	{"Arabic letter mark", "\u061Cا", "direction of text"},

	{"zero width space", "a\u200Bb", "invisible character"},
	{"only zero width spaces", "\u200B\u200B", "invisible character"},
	{"soft hyphen", "a\u00ADb", "invisible character"},
	{"word joiner", "a\u2060b", "invisible character"},
	{"byte order mark", "\uFEFFa", "invisible character"},
	{"grapheme joiner", "a\u034Fb", "invisible character"},
	{"Hangul fillers", "\u115F\u1160", "invisible character"},
	{"Hangul filler", "\u3164", "invisible character"},
	{"halfwidth Hangul filler", "\uFFA0", "invisible character"},
	{"Khmer inherent vowel", "ក\u17B4", "invisible character"},
	{"blank Braille", "\u2800", "invisible character"},
	{"null notehead", "\U0001D159", "invisible character"},
	{"annotation anchor", "a\uFFF9b", "invisible character"},
	{"language tag", "a\U000E0001", "invisible character"},

	{"Latin ZWNJ", "A\u200Cna", "joining character"},
	{"Latin ZWJ", "A\u200Dna", "joining character"},
	{"ZWNJ at the start", "\u200Cمی", "joining character"},
	{"ZWNJ at the end", "می\u200C", "joining character"},
	{"two ZWNJ", "می\u200C\u200Cخ", "joining character"},
	{"ZWNJ before a space", "می\u200C خ", "joining character"},
	{"ZWNJ between scripts", "می\u200Cक", "joining character"},
	{"ZWNJ before a virama", "র\u200C\u09CDয", "joining character"},
	{"ZWNJ between emoji", "👩\u200C👩", "joining character"},
	{"ZWJ after a final emoji", "👩\u200D", "joining character"},
	{"ZWJ before a letter", "👩\u200Da", "joining character"},
	{"ZWJ between virama and vowel sign", "ന\u0D4D\u200D\u0D3E", "joining character"},
	{"Mongolian separator outside Mongolian", "ب\u180Eب", "joining character"},

	{"lone VS16", "\uFE0F", "style mark"},
	{"VS16 after a letter", "a\uFE0F", "style mark"},
	{"VS16 after a digit", "1\uFE0F", "style mark"},
	{"two VS16", "❤\uFE0F\uFE0F", "style mark"},
	{"ideographic selector after Latin", "a\U000E0100", "style mark"},
	{"Mongolian selector after Latin", "a\u180B", "style mark"},
	{"selector nothing uses", "葛\uFE05", "style mark"},

	{"hidden tags", "a\U000E0068\U000E0069", "tag characters"},
	{"end tag alone", "🏴\U000E007F", "tag characters"},
	{"flag without end", strings.TrimSuffix(england, "\U000E007F"), "tag characters"},
	{"flag with two ends", england + "\U000E007F", "tag characters"},
	{"flag too long to be one", "🏴" + strings.Repeat("\U000E0061", 7) + "\U000E007F", "tag characters"},
	{"flag with more than letters and digits", "🏴\U000E0067\U000E0020\U000E0065\U000E007F", "tag characters"},
	{"tags on another emoji", "👩" + strings.TrimPrefix(england, "🏴"), "tag characters"},

	{"leading mark", "\u0301a", "starts with an accent"},
	{"leading mark after white space", " \u0301a", "starts with an accent"},
	{"leading vowel sign", "िक", "starts with an accent"},
	{"leading keycap", "\u20E3", "starts with an accent"},
	{"five marks", "q\u0301\u0302\u0303\u0304\u0305", "too many accents"},
	{"five marks around a selector", "❤\u0301\u0302\uFE0F\u0303\u0304\u0305", "too many accents"},
	{"zalgo", "z" + strings.Repeat("\u0335\u0322\u0310", 40), "too many accents or marks on one character; 4 is the most"},
}

func TestNameStoresWhatPeopleType(t *testing.T) {
	for _, c := range accepted {
		got, err := Name(c.typed)
		if err != nil || got != c.stored {
			t.Errorf("%s: Name(%+q) = %+q, %v; want %+q", c.why, c.typed, got, err, c.stored)
			continue
		}
		checkAccepted(t, Name, got, MaxNameGraphemes, MaxNameBytes)
	}
}

func TestNameRefusesWithAReason(t *testing.T) {
	for _, c := range refused {
		got, err := Name(c.typed)
		if err == nil || got != "" {
			t.Errorf("%s: Name(%+q) = %+q, %v; want it refused", c.why, c.typed, got, err)
			continue
		}
		checkRefused(t, err, c.typed)
		if !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: message %q; want it to say %q", c.why, err, c.message)
		}
	}
}

func TestNoteIsLongerAndMayBeEmpty(t *testing.T) {
	for typed, stored := range map[string]string{
		"":                      "",
		" \n\t":                 "",
		" back\nat 5 ":          "back at 5",
		strings.Repeat("x", 80): strings.Repeat("x", 80),
		strings.Repeat("🎉", 80): strings.Repeat("🎉", 80),
	} {
		if got, err := Note(typed); err != nil || got != stored {
			t.Errorf("Note(%q) = %q, %v; want %q", typed, got, err, stored)
		}
	}
	for typed, message := range map[string]string{
		strings.Repeat("x", 81):                              "That note is 81 characters long; 80 is the most.",
		strings.Repeat(family, 12) + strings.Repeat("x", 21): "That note is too long, because",
		strings.Repeat("x", 4097):                            "That note is far too long; 80 characters is the most.",
		"a\u200Bb":                                           "That note has an invisible character",
	} {
		_, err := Note(typed)
		if err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("Note(%+q): %v; want %q", typed, err, message)
		}
	}
}

func TestNoCharacterAmongLettersIsHidden(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		got, err := Name("a" + string(r) + "b")
		if err == nil && !unicode.IsSpace(r) && !strings.ContainsFunc(got[1:len(got)-1], hasInk) {
			t.Errorf("%U is accepted between letters", r)
		}
	}
}

// hasInk is written without looking at how the package decides.
func hasInk(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) &&
		!unicode.Is(unicode.Variation_Selector, r) || unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// The fuzzers change bytes, so they seldom put one odd character beside
// another; this does little else.
func TestAnyMixOfOddCharactersIsStoredOrRefused(t *testing.T) {
	odd := []rune(" \u00A0\u2003aeqO1#\u0300\u0301\u0302\u0323\u0338\u05BC\u05C1\u20E3" +
		"\u1112\u1161\u11AB한中\uFA19\u3099か\uFF9Eبیक\u093C\u0958रन\u094D\u093Fര\u0D4D\u0D3Eᠠ\u180B\u180E" +
		"\u200C\u200D\uFE00\uFE0E\uFE0F\U000E0100❤👩🏽🏴\U000E0067\U000E007F🇩\u0600\u0F71\u0F72\u0F73\u102B\U0001D15E")
	random := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		mix := make([]rune, 1+random.IntN(40))
		for i := range mix {
			mix[i] = odd[random.IntN(len(odd))]
		}
		if random.IntN(4) > 0 { // short ones pass more often
			mix = mix[:1+len(mix)/8]
		}
		if got, err := Name(string(mix)); err == nil {
			checkAccepted(t, Name, got, MaxNameGraphemes, MaxNameBytes)
		} else {
			checkRefused(t, err, string(mix))
		}
	}
}

func FuzzName(f *testing.F) { fuzz(f, Name, MaxNameGraphemes, MaxNameBytes) }
func FuzzNote(f *testing.F) { fuzz(f, Note, MaxNoteGraphemes, MaxNoteBytes) }

func fuzz(f *testing.F, clean func(string) (string, error), graphemes, bytes int) {
	for _, c := range accepted {
		f.Add(c.typed)
	}
	for _, c := range refused {
		f.Add(c.typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		if got, err := clean(typed); err == nil {
			checkAccepted(t, clean, got, graphemes, bytes)
		} else {
			checkRefused(t, err, typed)
		}
	})
}

func checkAccepted(t *testing.T, clean func(string) (string, error), got string, graphemes, bytes int) {
	t.Helper()
	if again, err := clean(got); err != nil || again != got {
		t.Errorf("%+q cleaned again is %+q, %v", got, again, err)
	}
	if !utf8.ValidString(got) || !norm.NFC.IsNormalString(got) {
		t.Errorf("%+q is not valid UTF-8 in NFC", got)
	}
	if n := uniseg.GraphemeClusterCount(got); n > graphemes || len(got) > bytes {
		t.Errorf("%+q has %d graphemes in %d bytes", got, n, len(got))
	}
	if strings.TrimSpace(got) != got || strings.Contains(got, "  ") {
		t.Errorf("%+q has white space to spare", got)
	}
	if got != "" && !strings.ContainsFunc(got, func(r rune) bool { return r != ' ' && hasInk(r) }) {
		t.Errorf("%+q has nothing to see", got)
	}
	for _, r := range got {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r != ' ' && unicode.IsSpace(r) {
			t.Errorf("%+q has %U in it", got, r)
		}
	}
}

func checkRefused(t *testing.T, err error, typed string) {
	t.Helper()
	var p *Problem
	if !errors.As(err, &p) || p.Message == "" || !strings.HasSuffix(p.Message, ".") {
		t.Fatalf("%+q refused with %#v, which is no sentence", typed, err)
	}
	if utf8.RuneCountInString(typed) > 3 && strings.Contains(p.Message, typed) {
		t.Errorf("message %q repeats what was typed", p.Message)
	}
}

func TestFoldIgnoresCaseInEveryScript(t *testing.T) {
	for _, same := range [][2]string{
		{"ANA", "ana"}, {"Straße", "STRASSE"}, {"ΣΊΣΥΦΟΣ", "σίσυφος"}, {"Åsa", "A\u030asa"}, {"ДМИТРИЙ", "дмитрий"},
	} {
		if Fold(same[0]) != Fold(same[1]) {
			t.Errorf("%q and %q differ", same[0], same[1])
		}
	}
	if Fold("Ana") == Fold("Anna") {
		t.Error("different names are the same")
	}
}
