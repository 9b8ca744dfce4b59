package board

import (
	"math/rand/v2"
	"slices"
	"strings"

	"rollcall/shared/event"
)

// The words of room names made up for people: easy to read out and to type.
var (
	moods = strings.Fields("amber autumn bold brave bright calm clever copper cosy crisp dancing early eager fair floating gentle glad golden green happy hidden honest indigo jolly kind lively lucky mellow merry misty noble orange patient plum polite proud quick quiet rosy rapid silver sleepy smart snowy spring steady sunny swift tidy velvet warm wild winter wise witty young")
	lives = strings.Fields("acorn badger beacon beaver birch breeze brook cedar clover comet coral crane cricket dolphin dune falcon fern finch fjord forest fox garden harbour hazel heron island juniper kestrel lagoon lark lemon lynx maple marten meadow moon moss nettle oak ocean orchard otter owl pebble pine planet puffin raven reef river robin sparrow spruce starling summit swan thistle tulip valley walnut willow wren")
)

// MakeUpRoom returns a new name for a room: readable, and one of some 300,000,
// so that two people hardly make up the same.
func MakeUpRoom() string {
	return moods[rand.IntN(len(moods))] + "-" + lives[rand.IntN(len(lives))] + "-" + string([]byte{digit(), digit()})
}

func digit() byte { return byte('0' + rand.IntN(10)) }

// ParseTypedRoom returns the room that somebody means who types a name: case
// does not matter, and white space stands for a hyphen. If there can be no such
// room, problem says so in a sentence; otherwise it is empty.
func ParseTypedRoom(typed string) (room, problem string) {
	name := strings.Join(strings.Fields(typed), "-")
	switch room, ok := event.ParseRoom(name); {
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

// maxRecent is how many rooms a device remembers.
const maxRecent = 8

// Visit puts a room to the front of those used last.
func Visit(recent []string, room string) []string {
	recent = slices.DeleteFunc(slices.Clone(recent), func(other string) bool { return other == room })
	recent = slices.Insert(recent, 0, room)
	return recent[:min(len(recent), maxRecent)]
}
