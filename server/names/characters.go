package names

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	objectReplacement = 0xFFFC
	zwnj              = 0x200C  // zero width non-joiner
	zwj               = 0x200D  // zero width joiner
	mvs               = 0x180E  // Mongolian vowel separator
	keycap            = 0x20E3  // combining enclosing keycap
	vs15              = 0xFE0E  // shows an emoji as text
	vs16              = 0xFE0F  // shows a character as emoji
	blackFlag         = 0x1F3F4 // starts a flag tag sequence
	languageTag       = 0xE0001 // deprecated, starts hidden text
	tagFirst          = 0xE0020
	tagEnd            = 0xE007F // ends a flag tag sequence
)

// removeInvisible removes characters that cannot be seen and do nothing where they
// stand, and replaces characters that look like a space by a space. Keyboards type such
// characters by themselves: Khmer ones type a zero width space between words. Copied
// texts have them too, such as isolates around a contact's name.
func removeInvisible(s string) string {
	// An override around the whole text changes nothing that people see.
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

// isHidden reports whether a character is invisible and does nothing in a name or a
// note, such as a zero width space, a soft hyphen, a byte order mark, a direction mark,
// an isolate or a filler. It reports false for characters that depend on their
// neighbours (joiners, variation selectors, tags), for overrides, which would show text
// in another order than it is read, and for format characters that are visible, such as
// the Arabic number sign (UAX #44, Prepended_Concatenation_Mark).
func isHidden(r rune) bool {
	switch {
	case r == zwj || r == zwnj || r == mvs || isTag(r) || isOverride(r),
		unicode.Is(unicode.Prepended_Concatenation_Mark, r),
		unicode.Is(unicode.Cn, r): // reserved: no keyboard types it
		return false
	case r == objectReplacement: // dictation leaves it, and a picture that was copied
		return true
	}
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point)
}

// faultAt returns what is wrong with the character rs[i] where it stands, or "".
// Characters that are newer than the tables here are accepted, unless they are certainly
// invisible: fonts and keyboards are newer than servers.
func faultAt(rs []rune, i int) string {
	r := rs[i]
	switch {
	case r == unicode.ReplacementChar: // it replaces something that was lost before
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
	case i == 0 && isMark(r): // it would be drawn on what stands before the name
		return leadingMark
	}
	return ""
}

// isMark reports whether a character is a combining mark. Of marks that are newer than
// Go's tables it knows those in the tables for graphemes, and the blocks that have
// nothing but marks.
func isMark(r rune) bool {
	return unicode.IsMark(r) || unicode.Is(unicode.Cn, r) &&
		(0x1AB0 <= r && r <= 0x1AFF || 0x20D0 <= r && r <= 0x20FF || Length("a"+string(r)) == 1)
}

// isBlank reports whether a character is a letter or a symbol by category, but looks
// like a space: a Braille cell without dots, Hangul fillers with a width, a note without
// a head, and two hieroglyphic blanks.
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

// joiningScripts are the scripts in modern use whose letters have another shape beside
// other letters, so that people see a joiner between two of them.
var joiningScripts = []*unicode.RangeTable{
	unicode.Adlam, unicode.Arabic, unicode.Balinese, unicode.Bengali, unicode.Devanagari,
	unicode.Gujarati, unicode.Gurmukhi, unicode.Hanifi_Rohingya, unicode.Javanese,
	unicode.Kannada, unicode.Khmer, unicode.Malayalam, unicode.Mandaic, unicode.Mongolian,
	unicode.Myanmar, unicode.Nko, unicode.Oriya, unicode.Phags_Pa, unicode.Sinhala,
	unicode.Sundanese, unicode.Syriac, unicode.Tamil, unicode.Telugu, unicode.Tibetan,
}

// joinsLetters reports whether the joiner r stands where a script needs one. The rule is
// simpler than UAX #31 (section 2.3, Layout and Format Control Characters): the joiner
// stands between two letters of one joining script, the first of which may have marks. A
// ZWJ may also stand before a virama (Bengali ya-phalaa after ra), and after a virama
// that no letter follows (Malayalam chillu letters, as they were written before Unicode
// 5.1). The Mongolian vowel separator counts as a joiner in Mongolian.
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

// isVirama reports whether a character is a sign that removes a consonant's own vowel.
// Only these signs have the combining class 9.
func isVirama(r rune) bool {
	return norm.NFC.PropertiesString(string(r)).CCC() == 9
}

// variesCharacter reports whether the variation selector r follows a character that has
// such variants.
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

// inFlag reports whether the tag rs[i] belongs to a flag tag sequence: a black flag, a
// region code of three to six tag letters or digits, and the end tag (UTS #51, annex C).
// All other tags would be hidden text.
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

// canBeEmoji reports whether a character has the property Extended_Pictographic (UTS
// #51): every emoji has it but skin tones and the parts of keycaps and two-letter flags,
// and every code point that is reserved for new emoji. No table here has the property.
// But a character, a ZWJ and a heart are one grapheme exactly if the character has it
// (UAX #29, rule GB11).
func canBeEmoji(r rune) bool { return r != 0 && Length(string(r)+"\u200D\u2764") == 1 }

// after returns the character after rs[i], or 0 at the end. 0 is in no table.
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
