package names

import (
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

const (
	zwnj      = 0x200C  // zero width non-joiner
	zwj       = 0x200D  // zero width joiner
	mvs       = 0x180E  // Mongolian vowel separator
	keycap    = 0x20E3  // combining enclosing keycap
	vs15      = 0xFE0E  // shows an emoji as text
	vs16      = 0xFE0F  // shows a character as emoji
	blackFlag = 0x1F3F4 // starts a flag tag sequence
	tagFirst  = 0xE0020
	tagEnd    = 0xE007F // ends a flag tag sequence
)

// faultAt returns what is wrong with the character rs[i] in its place, or "".
func faultAt(rs []rune, i int) string {
	r := rs[i]
	switch {
	case r == 0xFFFD || r == 0xFFFC: // stand-ins for what got lost on the way
		return brokenText
	case unicode.IsControl(r):
		return controlChar
	case unicode.Is(unicode.Bidi_Control, r):
		return directionMark
	case unicode.Is(unicode.Co, r):
		return privateChar
	case unicode.Is(unicode.Cn, r): // unassigned, noncharacters among them
		return unknownChar

	// These are invisible but may do visible work on their neighbours.
	case r == zwj || r == zwnj || r == mvs:
		if !joinsEmoji(rs, i) && !joinsLetters(rs, i) {
			return strayJoiner
		}
	case isTag(r):
		if !inFlag(rs, i) {
			return strayTag
		}
	case unicode.Is(unicode.Variation_Selector, r):
		if !variesCharacter(rs, i) {
			return strayVariation
		}

	// Format characters, but ones with ink: the Arabic number sign and its
	// like (UAX #44, Prepended_Concatenation_Mark).
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return ""
	case unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point) || isBlank(r):
		return invisibleChar

	// It would sit on whatever is shown before the name.
	case i == 0 && unicode.IsMark(r):
		return leadingMark
	}
	return ""
}

// isBlank reports characters that are letters or symbols by category and
// have no ink: a Braille cell without dots, a note without a head, two
// hieroglyphic blanks.
func isBlank(r rune) bool {
	return r == 0x2800 || r == 0x1D159 || r == 0x13441 || r == 0x13442
}

// joinsEmoji reports whether rs[i] is a ZWJ between two emoji, of which the
// first may carry a VS16 and a skin tone (UTS #51, emoji ZWJ sequence).
func joinsEmoji(rs []rune, i int) bool {
	before := i - 1
	for before > 0 && (rs[before] == vs16 || isSkinTone(rs[before])) {
		before--
	}
	return rs[i] == zwj && before >= 0 && canBeEmoji(rs[before]) && canBeEmoji(after(rs, i))
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

// joinsLetters reports whether the joiner rs[i] stands where a script needs
// one. It is UAX #31 (section 2.3, Layout and Format Control Characters) made
// simple: between two letters of one joining script, the first with or
// without marks. A ZWJ may also stand before a virama (Bengali ya-phalaa
// after ra) and right after one with no letter to follow (Malayalam chillu
// letters as they were written before Unicode 5.1). The Mongolian vowel
// separator counts as a joiner in Mongolian.
func joinsLetters(rs []rune, i int) bool {
	before := i - 1
	for before > 0 && unicode.IsMark(rs[before]) {
		before--
	}
	if before < 0 || !unicode.IsLetter(rs[before]) {
		return false
	}
	next := after(rs, i)
	for _, script := range joiningScripts {
		if !unicode.Is(script, rs[before]) || rs[i] == mvs && script != unicode.Mongolian {
			continue
		}
		return unicode.Is(script, next) && unicode.IsLetter(next) ||
			rs[i] == zwj && unicode.Is(script, next) && isVirama(next) ||
			rs[i] == zwj && isVirama(rs[i-1]) && !unicode.IsMark(next)
	}
	return false
}

// isVirama reports the signs that silence a consonant's own vowel. Unicode
// gives them, and nothing else, the combining class 9.
func isVirama(r rune) bool {
	return norm.NFC.PropertiesString(string(r)).CCC() == 9
}

// variesCharacter reports whether the variation selector rs[i] follows a
// character of the sort it is for.
func variesCharacter(rs []rune, i int) bool {
	if i == 0 {
		return false
	}
	r, before := rs[i], rs[i-1]
	switch {
	case r == vs15 || r == vs16: // UTS #51; a digit, # or * only for a keycap
		return canBeEmoji(before) ||
			strings.ContainsRune("0123456789#*", before) && after(rs, i) == keycap
	case 0xFE00 <= r && r <= 0xFE02 || 0xE0100 <= r: // UTS #37, StandardizedVariants.txt
		return unicode.Is(unicode.Han, before)
	case 0x180B <= r && r <= 0x180F: // the Mongolian free variation selectors
		return unicode.Is(unicode.Mongolian, before) && unicode.IsLetter(before)
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

func isTag(r rune) bool      { return tagFirst <= r && r <= tagEnd }
func isSkinTone(r rune) bool { return 0x1F3FB <= r && r <= 0x1F3FF }

// canBeEmoji reports the property Extended_Pictographic (UTS #51): every
// emoji but skin tones and the parts of keycaps and two-letter flags. Neither
// the standard library nor uniseg offers that, but UAX #29 (rule GB11) keeps
// a character, a ZWJ and a heart in one grapheme exactly if it has it.
func canBeEmoji(r rune) bool {
	return uniseg.GraphemeClusterCount(string(r)+"\u200D\u2764") == 1
}

// after returns the character after rs[i], or 0, which is none of anything.
func after(rs []rune, i int) rune {
	if i+1 < len(rs) {
		return rs[i+1]
	}
	return 0
}
