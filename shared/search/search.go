// Package search says which names a query finds. Server and page link it, so
// that a small room, which the page searches, and a large one, which the
// server does, find the same.
package search

import (
	"strings"
	"unicode"
)

// Fold returns the form in which names and queries compare: without case,
// accents, width, invisible marks, and white space to spare. The text has to
// be decomposed for compatibility (Unicode's NFKD), which needs tables that
// every browser has and a page should not carry. Fold of a folded text is that
// text. It is for comparing, not for showing.
func Fold(decomposed string) string {
	var key strings.Builder
	key.Grow(len(decomposed))
	gap := false
	for _, r := range decomposed {
		switch {
		case unicode.IsSpace(r):
			gap = key.Len() > 0
			continue
		case isAccent(r) || isInvisible(r):
			continue
		case gap:
			key.WriteByte(' ')
			gap = false
		}
		r = unicode.ToLower(r)
		if plain, ok := plain(r); ok {
			key.WriteString(plain)
		} else {
			key.WriteRune(r)
		}
	}
	return key.String()
}

// Finds reports whether every word of a query is somewhere in a name, in
// whatever order; both are folded. A query without words finds everybody.
func Finds(name, query string) bool {
	for word := range strings.SplitSeq(query, " ") {
		if !strings.Contains(name, word) {
			return false
		}
	}
	return true
}

// isAccent reports marks that people leave out when they search: those on
// Latin, Greek and Cyrillic letters, and the points of Hebrew, Arabic and
// Syriac. The marks of other scripts are vowels or make other letters.
func isAccent(r rune) bool {
	switch {
	case r < 0x0300: // most of what there is
		return false
	case r <= 0x036F, 0x0483 <= r && r <= 0x0489,
		0x1AB0 <= r && r <= 0x1AFF, 0x1DC0 <= r && r <= 0x1DFF, 0x20D0 <= r && r <= 0x20FF, 0xFE20 <= r && r <= 0xFE2F:
		return true
	case 0x0591 <= r && r <= 0x05C7: // but maqaf, paseq, sof pasuq and nun hafukha, which have a width
		return r != 0x05BE && r != 0x05C0 && r != 0x05C3 && r != 0x05C6
	case 0x0610 <= r && r <= 0x061A, 0x064B <= r && r <= 0x065F, r == 0x0670, 0x08D3 <= r && r <= 0x08FF,
		r == 0x0640, // the kashida only stretches a word
		r == 0x0711, 0x0730 <= r && r <= 0x074A:
		return true
	case 0x06D6 <= r && r <= 0x06ED: // but the end of ayah, the rub el hizb, two small letters and the sajdah
		return r != 0x06DD && r != 0x06DE && r != 0x06E5 && r != 0x06E6 && r != 0x06E9
	}
	return false
}

// isInvisible reports joiners, direction marks, variation selectors and their
// like, which one of two who write the same name may have typed.
func isInvisible(r rune) bool {
	return r == 0x00AD || r == 0x034F || r == 0x061C || r == 0x115F || r == 0x1160 || r == 0x17B4 || r == 0x17B5 || 0x180B <= r && r <= 0x180F || 0x200B <= r && r <= 0x200F || 0x202A <= r && r <= 0x202E ||
		0x2060 <= r && r <= 0x206F || 0xFE00 <= r && r <= 0xFE0F || r == 0xFEFF || 0xFFF9 <= r && r <= 0xFFFC || 0xE0000 <= r && r <= 0xE0FFF
}

// plain returns what people type for a small letter, or a punctuation mark,
// that Unicode does not decompose although to them it is another one with
// something on it.
func plain(r rune) (string, bool) {
	switch r {
	case 'ø':
		return "o", true
	case 'ł':
		return "l", true
	case 'đ', 'ð':
		return "d", true
	case 'ħ':
		return "h", true
	case 'ŧ':
		return "t", true
	case 'ı':
		return "i", true
	case 'ß':
		return "ss", true
	case 'æ':
		return "ae", true
	case 'œ':
		return "oe", true
	case 'þ':
		return "th", true
	case 'ς':
		return "σ", true
	case 'ی', 'ى': // Persian and dotless yeh: keyboards differ, names do not
		return "ي", true
	case 'ک':
		return "ك", true
	case '‘', '’', 'ʼ', 'ʻ', '`': // phones type the curly ones
		return "'", true
	case '‐', '–', '—', '־':
		return "-", true
	}
	return "", false
}
