package board

import (
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"

	"rollcall/shared/event"
)

// The words of made-up room names. They are easy to read out and to type.
var (
	adjectives = strings.Fields("amber autumn bold brave bright calm clever copper cosy crisp dancing early eager fair floating gentle glad golden green happy hidden honest indigo jolly kind lively lucky mellow merry misty noble orange patient plum polite proud quick quiet rosy rapid silver sleepy smart snowy spring steady sunny swift tidy velvet warm wild winter wise witty young")
	nouns      = strings.Fields("acorn badger beacon beaver birch breeze brook cedar clover comet coral crane cricket dolphin dune falcon fern finch fjord forest fox garden harbour hazel heron island juniper kestrel lagoon lark lemon lynx maple marten meadow moon moss nettle oak ocean orchard otter owl pebble pine planet puffin raven reef river robin sparrow spruce starling summit swan thistle tulip valley walnut willow wren")
)

// Made-up words have syllables of a consonant and a vowel. They leave out the letters
// that sound like others (c, j, q, w, x, z), and those that the short rude words of
// many languages need (g, k, p, u).
const (
	consonants = "bdflmnrstvy"
	vowels     = "aeio"

	madeUpWords = 3
	syllables   = 3 // of each
)

// MakeUpRoom returns a new name for a room that can be read out, such as
// amber-fox-lomari-denofa-voreya. There are more than 2⁶⁰ names, since anybody who
// guesses the name of a room sees who is there. The random numbers come from the
// runtime's ChaCha8, whose seed in a browser comes from crypto.getRandomValues.
func MakeUpRoom() string {
	var name strings.Builder
	name.WriteString(adjectives[rand.IntN(len(adjectives))] + "-" + nouns[rand.IntN(len(nouns))])
	for range madeUpWords {
		name.WriteByte('-')
		for range syllables {
			name.WriteByte(consonants[rand.IntN(len(consonants))])
			name.WriteByte(vowels[rand.IntN(len(vowels))])
		}
	}
	return name.String()
}

// ParseTypedRoom returns the room that a typed name or a pasted link means. Case does
// not matter, and white space becomes a hyphen. If there can be no such room, problem
// says why in a sentence; otherwise it is empty.
func ParseTypedRoom(typed string) (room, problem string) {
	name := strings.TrimRight(strings.Join(strings.Fields(linked(typed)), "-"), event.AfterLink)
	switch room, ok := event.LinkedRoom(name); {
	case name == "":
		return "", "Please type the name of a room."
	case len(name) > event.MaxRoom:
		return "", "That name is too long; a room’s name has at most 64 characters."
	case !ok:
		return "", "A room’s name has only letters a to z, digits and hyphens."
	default:
		return room, ""
	}
}

// linked returns the part of a link that names its room. It returns a text that is no
// link unchanged.
func linked(typed string) string {
	scheme, rest, whole := strings.Cut(typed, "://")
	if !whole {
		rest = scheme
	}
	if end := strings.IndexAny(rest, "?#"); end >= 0 {
		rest = rest[:end]
	}
	host, room, ok := strings.Cut(rest, "/r/")
	switch {
	case ok:
		if plain, err := url.PathUnescape(room); err == nil {
			return plain
		}
		return room
	case whole && !strings.Contains(strings.TrimRight(host, event.AfterLink), "/"):
		return event.Lobby
	}
	return typed
}

// maxRecent is how many rooms a device remembers.
const maxRecent = 8

// AddRecent puts a room first among those used last.
func AddRecent(recent []string, room string) []string {
	recent = slices.DeleteFunc(slices.Clone(recent), func(other string) bool { return other == room })
	recent = slices.Insert(recent, 0, room)
	return recent[:min(len(recent), maxRecent)]
}
