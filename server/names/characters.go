package names

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	objectStandIn = 0xFFFC
	zwnj          = 0x200C  // zero width non-joiner
	zwj           = 0x200D  // zero width joiner
	mvs           = 0x180E  // Mongolian vowel separator
	keycap        = 0x20E3  // combining enclosing keycap
	vs15          = 0xFE0E  // shows an emoji as text
	vs16          = 0xFE0F  // shows a character as emoji
	blackFlag     = 0x1F3F4 // starts a flag tag sequence
	languageTag   = 0xE0001 // deprecated, starts hidden text
	tagFirst      = 0xE0020
	tagEnd        = 0xE007F // ends a flag tag sequence
)

// tidy leaves out what cannot be seen and does nothing where it stands, and
// makes a space of what looks like one. Keyboards type such characters by
// themselves (Khmer ones a zero width space between words), and copying brings
// them along (isolates around a contact's name).
func tidy(s string) string {
	// An override around a whole text changes nothing that will be seen.
	rs := []rune(strings.TrimFunc(s, func(r rune) bool { return isOverride(r) || isHidden(r) || unicode.IsSpace(r) }))
	kept := make([]rune, 0, len(rs))
	for i, r := range rs {
		switch {
		case isBlank(r):
			r = ' '
		case isHidden(r):
			continue
		case r == zwj || r == zwnj || r == mvs:
			if !joinsEmoji(kept, r, after(rs, i)) && !joinsLetters(kept, r, after(rs, i)) {
				continue
			}
		case unicode.Is(unicode.Variation_Selector, r):
			if !variesCharacter(kept, r, after(rs, i)) {
				continue
			}
		}
		kept = append(kept, r)
	}
	return strings.Join(strings.Fields(string(kept)), " ")
}

// isHidden reports what has no ink and no work to do in a name or a note:
// zero width and soft hyphen, byte order mark, direction marks and isolates,
// fillers and their like. Not among them are what depends on its neighbours
// (joiners, variation selectors, tags), what would show text in another order
// than it is read (overrides), and format characters that do have ink: the
// Arabic number sign and its like (UAX #44, Prepended_Concatenation_Mark).
func isHidden(r rune) bool {
	switch {
	case r == zwj || r == zwnj || r == mvs || isTag(r) || isOverride(r),
		unicode.Is(unicode.Prepended_Concatenation_Mark, r),
		unicode.Is(unicode.Cn, r): // reserved, and so of no keyboard
		return false
	case r == objectStandIn: // left by dictation, and where a picture was copied
		return true
	}
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point)
}

// faultAt returns what is wrong with the character rs[i] in its place, or "".
// Characters that the tables here do not know yet are let through, unless they
// are sure to be invisible: fonts and keyboards are newer than servers.
func faultAt(rs []rune, i int) string {
	r := rs[i]
	switch {
	case r == unicode.ReplacementChar: // stands for what got lost on the way
		return brokenText
	case unicode.IsControl(r):
		return controlChar
	case isOverride(r):
		return directionMark
	case unicode.Is(unicode.Co, r):
		return privateChar
	case isTag(r):
		if !inFlag(rs, i) {
			return strayTag
		}
	case unicode.In(r, unicode.Noncharacter_Code_Point, unicode.Other_Default_Ignorable_Code_Point):
		return noChar
	case i == 0 && isMark(r): // it would sit on whatever is shown before the name
		return leadingMark
	}
	return ""
}

// isMark reports a combining mark. Of those newer than Go's tables it knows
// what the ones for graphemes do, and the blocks that are for marks alone.
func isMark(r rune) bool {
	return unicode.IsMark(r) || unicode.Is(unicode.Cn, r) &&
		(0x1AB0 <= r && r <= 0x1AFF || 0x20D0 <= r && r <= 0x20FF || Length("a"+string(r)) == 1)
}

// isBlank reports characters that are letters or symbols by category and
// look like a space: a Braille cell without dots, Hangul fillers with a width,
// a note without a head, two hieroglyphic blanks.
func isBlank(r rune) bool {
	return r == 0x2800 || r == 0x3164 || r == 0xFFA0 || r == 0x1D159 || r == 0x13441 || r == 0x13442
}

func isOverride(r rune) bool { return r == 0x202D || r == 0x202E }

// joinsEmoji reports whether r is a ZWJ between two emoji, of which the first
// may carry a VS16 and a skin tone (UTS #51, emoji ZWJ sequence).
func joinsEmoji(before []rune, r, next rune) bool {
	for len(before) > 0 && (last(before) == vs16 || isSkinTone(last(before))) {
		before = before[:len(before)-1]
	}
	return r == zwj && canBeEmoji(last(before)) && canBeEmoji(next)
}

// joiningScripts are the scripts in modern use whose letters change shape with
// their neighbours, so that a joiner between two of them shows.
var joiningScripts = []*unicode.RangeTable{
	unicode.Adlam, unicode.Arabic, unicode.Balinese, unicode.Bengali, unicode.Devanagari,
	unicode.Gujarati, unicode.Gurmukhi, unicode.Hanifi_Rohingya, unicode.Javanese,
	unicode.Kannada, unicode.Khmer, unicode.Malayalam, unicode.Mandaic, unicode.Mongolian,
	unicode.Myanmar, unicode.Nko, unicode.Oriya, unicode.Phags_Pa, unicode.Sinhala,
	unicode.Sundanese, unicode.Syriac, unicode.Tamil, unicode.Telugu, unicode.Tibetan,
}

// joinsLetters reports whether the joiner r stands where a script needs
// one. It is UAX #31 (section 2.3, Layout and Format Control Characters) made
// simple: between two letters of one joining script, the first with or
// without marks. A ZWJ may also stand before a virama (Bengali ya-phalaa
// after ra) and right after one with no letter to follow (Malayalam chillu
// letters as they were written before Unicode 5.1). The Mongolian vowel
// separator counts as a joiner in Mongolian.
func joinsLetters(before []rune, r, next rune) bool {
	sign := last(before)
	for unicode.IsMark(last(before)) {
		before = before[:len(before)-1]
	}
	letter := last(before)
	if !unicode.IsLetter(letter) {
		return false
	}
	for _, script := range joiningScripts {
		if !unicode.Is(script, letter) || r == mvs && script != unicode.Mongolian {
			continue
		}
		return unicode.Is(script, next) && unicode.IsLetter(next) ||
			r == zwj && unicode.Is(script, next) && isVirama(next) ||
			r == zwj && isVirama(sign) && !unicode.IsMark(next)
	}
	return false
}

// isVirama reports the signs that silence a consonant's own vowel. Unicode
// gives them, and nothing else, the combining class 9.
func isVirama(r rune) bool {
	return norm.NFC.PropertiesString(string(r)).CCC() == 9
}

// variesCharacter reports whether the variation selector r follows a character
// of the sort it is for.
func variesCharacter(before []rune, r, next rune) bool {
	base := last(before)
	switch {
	case r == vs15 || r == vs16: // UTS #51; a digit, # or * only for a keycap
		return canBeEmoji(base) || strings.ContainsRune("0123456789#*", base) && next == keycap
	case 0xFE00 <= r && r <= 0xFE02 || 0xE0100 <= r: // UTS #37, StandardizedVariants.txt
		return unicode.Is(unicode.Han, base)
	case 0x180B <= r && r <= 0x180F: // the Mongolian free variation selectors
		return unicode.Is(unicode.Mongolian, base) && unicode.IsLetter(base)
	}
	return false
}

// inFlag reports whether the tag rs[i] belongs to a flag tag sequence: a
// black flag, a region code as three to six tag letters or digits, and the
// end tag (UTS #51, annex C). Any other tags would be hidden text.
func inFlag(rs []rune, i int) bool {
	first, end := i, i
	for first > 0 && isTag(rs[first-1]) {
		first--
	}
	for end < len(rs)-1 && rs[end] != tagEnd {
		end++
	}
	if first == 0 || rs[first-1] != blackFlag || rs[end] != tagEnd {
		return false
	}
	code := rs[first:end]
	for _, tag := range code {
		c := tag - tagFirst + ' '
		if (c < '0' || '9' < c) && (c < 'a' || 'z' < c) {
			return false
		}
	}
	return 3 <= len(code) && len(code) <= 6
}

func isTag(r rune) bool      { return r == languageTag || tagFirst <= r && r <= tagEnd }
func isSkinTone(r rune) bool { return 0x1F3FB <= r && r <= 0x1F3FF }

// canBeEmoji reports the property Extended_Pictographic (UTS #51): every
// emoji but skin tones and the parts of keycaps and two-letter flags, and
// every place that is kept for emoji to come. Nothing here offers that, but
// UAX #29 (rule GB11) keeps a character, a ZWJ and a heart in one grapheme
// exactly if it has it.
func canBeEmoji(r rune) bool { return r != 0 && Length(string(r)+"\u200D\u2764") == 1 }

// after returns the character after rs[i], or 0, which is none of anything.
func after(rs []rune, i int) rune {
	if i+1 < len(rs) {
		return rs[i+1]
	}
	return 0
}

// last returns the last character, or 0.
func last(rs []rune) rune {
	if len(rs) == 0 {
		return 0
	}
	return rs[len(rs)-1]
}
