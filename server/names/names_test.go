package names

import (
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"rollcall/shared/event"
)

const (
	england = "\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F"
	hindi   = "श्रीमती लक्ष्मी प्रज्ञा विश्वकर्मा अवनिका वाजपेयी जी"
	bengali = "শ্রীমতী ইন্দ্রাণী চক্রবর্তী বন্দ্যোপাধ্যায় রায়ন"
	family  = "\U0001F469\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466"
)

func typedName(s string) (string, error) { return Text("name", s) }

func typedNote(s string) (string, error) { return Text("note", s) }

func TestEveryTextThatPeopleTypeHasARule(t *testing.T) {
	var every event.Patch // with all its texts
	for _, f := range reflect.ValueOf(&every).Elem().Fields() {
		if f.Type() == reflect.TypeFor[*string]() {
			f.Set(reflect.ValueOf(new("")))
		}
	}
	var typed []string
	every.MapTexts(func(field, text string) (string, error) {
		typed = append(typed, field)
		return text, nil
	})
	slices.Sort(typed)
	if ruled := slices.Sorted(maps.Keys(rules)); !slices.Equal(ruled, typed) {
		t.Errorf("there are rules for %q, and people type %q", ruled, typed)
	}
}

func TestTheLongestTextsAreAsLongAsTheRulesAllow(t *testing.T) {
	longest := Longest()
	for field, r := range rules {
		u := longest.Apply(event.User{ID: "a"})
		if text := u.Field(field); text.IsZero() {
			t.Errorf("there is no %s", field)
		}
		empty := event.User{}.Field(field).Apply(u)
		if got := u.Memory() - empty.Memory(); got != r.bytes {
			t.Errorf("the %s has %d bytes, not %d", field, got, r.bytes)
		}
		if got := u.Encoded().Size() - empty.Encoded().Size(); got < r.bytes+r.graphemes {
			t.Errorf("the %s takes %d bytes as JSON", field, got)
		}
	}
}

func TestATextWithoutARuleIsRefused(t *testing.T) {
	if got, err := Text("shoe size", "44"); err == nil {
		t.Errorf("it is %q", got)
	}
}

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

	// What is invisible and does nothing is left out.
	{"object replacement character", "a\uFFFCb", "ab"},
	{"unassigned", "a\u0378", "a\u0378"},
	{"isolate", "\u2066a\u2069", "a"},
	{"right-to-left mark", "שלום\u200F", "שלום"},
	{"Arabic letter mark", "\u061Cا", "ا"},
	{"zero width space", "a\u200Bb", "ab"},
	{"soft hyphen", "a\u00ADb", "ab"},
	{"word joiner", "a\u2060b", "ab"},
	{"byte order mark", "\uFEFFa", "a"},
	{"grapheme joiner", "a\u034Fb", "ab"},
	{"Khmer inherent vowel", "ក\u17B4", "ក"},
	{"annotation anchor", "a\uFFF9b", "ab"},
	{"Latin ZWNJ", "A\u200Cna", "Ana"},
	{"Latin ZWJ", "A\u200Dna", "Ana"},
	{"ZWNJ at the start", "\u200Cمی", "می"},
	{"ZWNJ at the end", "می\u200C", "می"},
	{"two ZWNJ", "می\u200C\u200Cخ", "می\u200Cخ"},
	{"ZWNJ before a space", "می\u200C خ", "می خ"},
	{"ZWNJ between scripts", "می\u200Cक", "میक"},
	{"ZWNJ before a virama", "র\u200C\u09CDয", "র\u09CDয"},
	{"ZWNJ between emoji", "👩\u200C👩", "👩👩"},
	{"ZWJ after a final emoji", "👩\u200D", "👩"},
	{"ZWJ before a letter", "👩\u200Da", "👩a"},
	{"ZWJ between virama and vowel sign", "ന\u0D4D\u200D\u0D3E", "ന\u0D4D\u0D3E"},
	{"Mongolian separator outside Mongolian", "ب\u180Eب", "بب"},
	{"VS16 after a letter", "a\uFE0F", "a"},
	{"VS16 after a digit", "1\uFE0F", "1"},
	{"two VS16", "❤\uFE0F\uFE0F", "❤\uFE0F"},
	{"ideographic selector after Latin", "a\U000E0100", "a"},
	{"Mongolian selector after Latin", "a\u180B", "a"},
	{"selector nothing uses", "葛\uFE05", "葛"},
	{"Khmer with its space bar", "សុខា\u200Bខ្មែរ\u200B", "សុខាខ្មែរ"},
	{"a space and a Khmer space bar", "សុខា\u200B \u200Bខ្មែរ", "សុខា ខ្មែរ"},
	{"isolates as a phone's contacts put them", "\u2068Ana\u2069", "Ana"},
	{"an override around, as a phone's contacts put it", " \u202D+49 30\u202C ", "+49 30"},
	{"marks around white space", "\u200E \u200F Ana \uFEFF ", "Ana"},
	{"a stray joiner between a letter and its accent", "Zoe\u200C\u0308", "Zo\u00EB"},
	{"a blank in a name", "a\u3164b", "a b"},
	{"joiners after joiners", "ന\u0D4D\u200D\u200C\u0D3E", "ന\u0D4D\u0D3E"},

	// What is newer than the tables here.
	{"an emoji of Unicode 16", "Ana 🫩", "Ana 🫩"},
	{"emoji of Unicode 17", "🫪 🛘", "🫪 🛘"},
	{"an emoji to come, with a tone, a style and a companion", "\U0001FAFF🏽\u200D❤ \U0001FAFE\uFE0F\u200D❤", "\U0001FAFF🏽\u200D❤ \U0001FAFE\uFE0F\u200D❤"},
	{"a letter of Unicode 16", "\U00010D50\uA7CB", "\U00010D50\uA7CB"},
	{"a mark of Unicode 16 on a letter", "a\u0897", "a\u0897"},

	{"Burmese with five marks on a letter", "မျှော်", norm.NFC.String("မျှော်")},
	{"a Sanskrit conjunct of five letters", "कार्त्स्न्य", "कार्त्स्न्य"},
	{"a Hindi name of 26 characters, 33 if conjuncts were two", hindi, hindi},
	{"a Bengali name of 22 characters in 139 bytes", bengali, norm.NFC.String(bengali)},
}

var refused = []struct{ why, typed, message string }{
	{"nothing", "", "Please type a name."},
	{"only white space", " \t\u00A0\u3000\n", "Please type a name."},
	{"33 graphemes", strings.Repeat("x", 33), "That name is 33 characters long; 32 is the most."},
	{"33 families count as 33", strings.Repeat(family, 33), "is 33 characters long"},
	{"513 bytes", strings.Repeat(family, 20) + strings.Repeat("x", 11) + "\u00E9", "too long, because some of its characters"},
	{"huge", strings.Repeat("x", 4097), "far too long; 32 characters"},
	{"huge white space", strings.Repeat(" ", 4097), "far too long"},

	{"invalid UTF-8", "a\xFFb", "broken text"},
	{"surrogate", "a\xED\xA0\x80b", "broken text"},
	{"replacement character", "a\uFFFDb", "broken text"},
	{"NUL", "a\x00b", "control character"},
	{"escape", "\x1B[31mred", "control character"},
	{"delete", "a\x7F", "control character"},
	{"C1 control", "a\u009B", "control character"},
	{"private use", "\uF8FF", "only some devices"},
	{"private use plane", "a\U00100000", "only some devices"},
	{"noncharacter", "a\uFDD0", "no character"},
	{"last noncharacter", "a\U0010FFFF", "no character"},
	{"reserved and invisible", "a\u2065", "no character"},
	{"reserved and invisible, among the specials", "a\uFFF0", "no character"},
	{"reserved and invisible, after the tags", "a\U000E0080", "no character"},
	{"the last that is reserved and invisible", "a\U000E0FFF", "no character"},

	{"right-to-left override", "user\u202Egpj.exe", "reverses text"},

	{"only zero width spaces", "\u200B\u200B", "Please type a name."},
	{"Hangul fillers", "\u115F\u1160", "Please type a name."},
	{"Hangul filler", "\u3164", "Please type a name."},
	{"halfwidth Hangul filler", "\uFFA0", "Please type a name."},
	{"blank Braille", "\u2800", "Please type a name."},
	{"null notehead", "\U0001D159", "Please type a name."},
	{"language tag", "a\U000E0001", "tag characters"},

	{"lone VS16", "\uFE0F", "Please type a name."},

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
	{"nine marks beside a letter", "မ" + strings.Repeat("\u102C", 9), "too many accents"},
	{"marks newer than the tables", "a" + strings.Repeat("\u1AEB\u1AFF", 3), "too many accents"},
	{"a mark newer than the tables at the start", "\u1ADDa", "starts with an accent"},
	{"zalgo", "z" + strings.Repeat("\u0335\u0322\u0310", 40), "too many accents or marks on one character"},
}

func TestNameStoresWhatPeopleType(t *testing.T) {
	for _, c := range accepted {
		got, err := typedName(c.typed)
		if err != nil || got != c.stored {
			t.Errorf("%s: Name(%+q) = %+q, %v; want %+q", c.why, c.typed, got, err, c.stored)
			continue
		}
		checkAccepted(t, typedName, got, MaxNameGraphemes, MaxNameBytes)
	}
}

func TestConjunctsAreOneCharacter(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "Ana": 3, hindi: 26, bengali: 22, family: 1, "🇩🇪🇯🇵": 2, "क्\u200Dष": 1, "क्\u200Cष": 2, "한국": 2,
	} {
		if got := Length(text); got != want {
			t.Errorf("%q has %d characters, want %d", text, got, want)
		}
	}
}

func TestNameRefusesWithAReason(t *testing.T) {
	for _, c := range refused {
		got, err := typedName(c.typed)
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
		"\u200B\uFEFF":          "",
		"សម្រាក\u200B":          "សម្រាក",
		strings.Repeat("x", 80): strings.Repeat("x", 80),
		strings.Repeat("🎉", 80): strings.Repeat("🎉", 80),
	} {
		if got, err := typedNote(typed); err != nil || got != stored {
			t.Errorf("Note(%q) = %q, %v; want %q", typed, got, err, stored)
		}
	}
	for typed, message := range map[string]string{
		strings.Repeat("x", 81):    "That note is 81 characters long; 80 is the most.",
		strings.Repeat(family, 52): "That note is too long, because",
		strings.Repeat("x", 4097):  "That note is far too long; 80 characters is the most.",
		"a\U000E0041b":             "That note has hidden tag characters",
	} {
		_, err := typedNote(typed)
		if err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("Note(%+q): %v; want %q", typed, err, message)
		}
	}
}

func TestNoCharacterAmongLettersIsHidden(t *testing.T) {
	const firstEmpty, lastEmpty = 0x40000, 0xDFFFF // planes without any character: some do
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if r > firstEmpty && r < lastEmpty && r%97 > 0 {
			continue
		}
		got, err := typedName("a" + string(r) + "b")
		if err == nil && got != "ab" && got != "a b" && !strings.ContainsFunc(got[1:len(got)-1], hasInk) {
			t.Errorf("%U is accepted between letters", r)
		}
	}
}

// hasInk is written without looking at how the package decides.
func hasInk(r rune) bool {
	return (unicode.IsGraphic(r) || unicode.Is(unicode.Cn, r)) && !unicode.Is(unicode.Noncharacter_Code_Point, r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) &&
		!unicode.Is(unicode.Variation_Selector, r) || unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// The fuzzers change bytes, so they seldom put one odd character beside
// another; this does little else.
func TestAnyMixOfOddCharactersIsStoredOrRefused(t *testing.T) {
	odd := []rune(" \u00A0\u2003aeqO1#\u0300\u0301\u0302\u0323\u0338\u05BC\u05C1\u20E3" +
		"\u1112\u1161\u11AB한中\uFA19\u3099か\uFF9Eبیक\u093C\u0958रन\u094D\u093Fര\u0D4D\u0D3Eᠠ\u180B\u180E" +
		"\u200C\u200D\uFE00\uFE0E\uFE0F\U000E0100❤👩🏽🏴\U000E0067\U000E007F🇩\u0600\u0F71\u0F72\u0F73\u102B\U0001D15E" +
		"\u200B\uFEFF\u00AD\u034F\u200E\u2068\u2069\u202D\u3164\u0378🫩\u0897\u1AEB")
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		mix := make([]rune, 1+random.IntN(40))
		for i := range mix {
			mix[i] = odd[random.IntN(len(odd))]
		}
		if random.IntN(4) > 0 { // short ones pass more often
			mix = mix[:1+len(mix)/8]
		}
		if got, err := typedName(string(mix)); err == nil {
			checkAccepted(t, typedName, got, MaxNameGraphemes, MaxNameBytes)
		} else {
			checkRefused(t, err, string(mix))
		}
	}
}

func FuzzName(f *testing.F) { fuzz(f, typedName, MaxNameGraphemes, MaxNameBytes) }
func FuzzNote(f *testing.F) { fuzz(f, typedNote, MaxNoteGraphemes, MaxNoteBytes) }

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
	if n := Length(got); n > graphemes || len(got) > bytes {
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
