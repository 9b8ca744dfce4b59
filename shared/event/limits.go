package event

import (
	"strings"
	"time"
)

// Limits that both ends know.
const (
	// MaxFrame is the largest frame a server reads, in bytes. Larger ones
	// end the connection with [CloseTooLarge].
	MaxFrame = 16 * 1024
	// MaxTypedBytes is the longest text that a server reads as a name or a
	// note, in bytes of UTF-8. What it keeps of it is shorter; its rules need
	// Unicode tables that a page does not carry.
	MaxTypedBytes = 4096
	// MaxTab is the longest name of a tab, in bytes.
	MaxTab = 32
	// MaxUntil is how far ahead the end of a status may be: more than a year.
	MaxUntil = 366 * 24 * time.Hour
	// MaxRoom is the longest room name, in bytes.
	MaxRoom = 64
	// DefaultView is how many users a view shows that names no count, and
	// MaxView how many at most.
	DefaultView = 50
	MaxView     = 200
	// MaxQuery is the longest query of a view, in bytes.
	MaxQuery = 128

	// HelloTimeout is how long a connection may take to say who it is.
	HelloTimeout = 5 * time.Second
	// Silence is how long a server lets a connection be without a frame.
	Silence = 20 * time.Second
)

// Lobby is the room at the server's root, and of a hello that names none.
const Lobby = "lobby"

// ParseRoom returns the name under which a room is kept: 1 to [MaxRoom]
// letters a to z, digits and hyphens, in lower case. It reports whether s
// names a room at all.
func ParseRoom(s string) (string, bool) {
	if s == "" || len(s) > MaxRoom {
		return "", false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return "", false // before ToLower, which makes a k of the Kelvin sign
		}
	}
	return strings.ToLower(s), true
}

// AfterLink is what people, and the programs that show what they write, put
// behind an address; no room's name has any of it.
const AfterLink = "/.,;:!?)]}>'\"”’»›…*_~`| 。、，．；：！？）」』】》"

// LinkedRoom is [ParseRoom] for what an address or a person names, which may
// have some of [AfterLink] behind it.
func LinkedRoom(s string) (string, bool) { return ParseRoom(strings.TrimRight(s, AfterLink)) }

// RoomPath is the address of a room's page, from the server's root.
func RoomPath(room string) string {
	if room == Lobby {
		return "/"
	}
	return "/r/" + room
}

// Code says what an [Error] is about.
type Code string

// The codes of version 1.
const (
	CodeBadFrame      Code = "bad_frame"      // not a JSON array of named events
	CodeNoHello       Code = "no_hello"       // no got_a_new_user in time
	CodeBadName       Code = "bad_name"       // the name is against the rules
	CodeBadRoom       Code = "bad_room"       // no such room can be
	CodeBadEvent      Code = "bad_event"      // an event's data has the wrong shape
	CodeNotJoined     Code = "not_joined"     // an event came before the hello
	CodeAlreadyJoined Code = "already_joined" // a second hello
	CodeRateLimited   Code = "rate_limited"   // too many events, or joins from one address
	CodeRoomFull      Code = "room_full"      // the room takes nobody more
	CodeServerFull    Code = "server_full"    // the server takes nothing more
	CodeRemoved       Code = "removed"        // the server put the user out
	CodeTooOld        Code = "too_old"        // the client offers other versions only
	CodeRestarting    Code = "restarting"     // the server is going down
)

// CloseCode is a WebSocket close code (RFC 6455, section 7.4; 4000 to 4999
// are for applications).
type CloseCode int

// The close codes of version 1.
const (
	CloseNormal      CloseCode = 1000
	CloseGoingAway   CloseCode = 1001
	CloseNoStatus    CloseCode = 1005
	CloseTooLarge    CloseCode = 1009
	CloseRestarting  CloseCode = 1012
	CloseBadFrame    CloseCode = 4000
	CloseNoHello     CloseCode = 4001
	CloseRefused     CloseCode = 4002 // the name or the room
	CloseRateLimited CloseCode = 4003
	CloseRoomFull    CloseCode = 4004
	CloseServerFull  CloseCode = 4005
	CloseRemoved     CloseCode = 4006
	CloseTooOld      CloseCode = 4007
)

// Final reports whether a client that was told this code must not try again
// by itself: the same attempt would be refused the same way.
func (c Code) Final() bool {
	switch c {
	case CodeBadName, CodeBadRoom, CodeRemoved, CodeTooOld:
		return true
	}
	return false
}
