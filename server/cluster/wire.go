package cluster

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"rollcall/server/presence"
	"rollcall/shared/event"
)

// wireVersion is the version of the messages between servers. A newer version may add
// fields, kinds and members of elements, which older servers ignore. It is raised only when
// an older server would understand something wrongly.
const wireVersion = 1

// kind is what a message is for.
type kind string

const (
	// To all servers.
	kindLife kind = "life" // its sender lives; every wordEvery
	// To all servers that have the room.
	kindOpen   kind = "open"   // its sender has opened the room and asks for the slices of all
	kindFrame  kind = "frame"  // what has changed in the slice of its sender, or only its state
	kindClosed kind = "closed" // its sender has the room no more
	kindHeld   kind = "held"   // asks whom a server holds of earlier runs of the sender
	// To one server.
	kindAsk   kind = "ask"   // asks for the slice of the receiver, or what has changed in it
	kindSlice kind = "slice" // a page of that
	kindHolds kind = "holds" // answers kindHeld
)

// header is what a message says, but for the events that follow it.
type header struct {
	number uint64 // of the message, counted by its sender

	Version int            `json:"v"`
	Kind    kind           `json:"kind"`
	From    presence.Owner `json:"from"`
	Room    string         `json:"room,omitempty"`

	// Of a life.
	Word   uint64 `json:"word,omitempty"`   // counts them, so that a gap shows that messages were lost
	Now    int64  `json:"now,omitempty"`    // the clock of the sender, Unix milliseconds
	Starts bool   `json:"starts,omitempty"` // it has just started: others answer to its inbox
	Ends   bool   `json:"ends,omitempty"`   // it ends on purpose: its users will come back

	// Epoch names the life of the sender's slice, or of the receiver's in an ask.
	Epoch string `json:"epoch,omitempty"`
	// Seq is what the sender of an ask knows already; 0 for nothing.
	Seq uint64 `json:"seq,omitempty"`
	// Knows is what the sender of an open knows already.
	Knows map[presence.Owner]position `json:"knows,omitempty"`
	// Replaces is whether the slice has everybody whom earlier runs of the sender had.
	Replaces bool `json:"replaces,omitempty"`

	// Of a slice or holds.
	Whole  bool             `json:"whole,omitempty"` // it is all of it, not only what has changed
	Page   int              `json:"page,omitempty"`
	Pages  int              `json:"pages,omitempty"`
	Others []presence.Owner `json:"others,omitempty"` // the other servers that have the room
	Knew   bool             `json:"knew,omitempty"`   // the sender has known of an earlier run there
	IDs    []string         `json:"ids,omitempty"`
	Gone   bool             `json:"gone,omitempty"` // they have gone, and are not held
}

// position is how far somebody knows a slice.
type position struct {
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// Why a message is dropped.
var (
	errOtherSecret = errors.New("it is from a server with another secret")
	errForged      = errors.New("its code is wrong")
	errUnreadable  = errors.New("it cannot be read")
)

// seal signs messages of servers that share a secret, and opens them. A message is the
// fingerprint of the key, the code (HMAC-SHA-256, RFC 2104, truncated) of the subject and
// of what follows, the number of the message, the header as JSON, a line break, and a frame
// of events or nothing. Its sender counts its messages, so that nobody who reads what is on
// NATS can have it count once more at who has heard it (see [window]). It can be said once
// more to a server that has started since.
//
// To open messages is not safe for concurrent use.
type seal struct {
	key, fingerprint []byte
	frames           map[string]header // of kindFrame, by their JSON, as those of one slice are all the same
}

// How many of them are kept, and how long they may be. If more slices change at one time, it
// helps little.
const (
	maxFrameHeaders = 1 << 14
	maxFrameHeader  = 512
)

const (
	fingerprintSize = 4
	codeSize        = 16
	numberSize      = 8
	// A message has codedFrom bytes before what the code is of.
	codedFrom = fingerprintSize + codeSize
)

func newSeal(secret []byte) (seal, error) {
	key, err1 := hkdf.Key(sha256.New, secret, nil, "rollcall cluster", sha256.Size)
	fingerprint, err2 := hkdf.Key(sha256.New, secret, nil, "rollcall cluster fingerprint", fingerprintSize)
	return seal{key, fingerprint, make(map[string]header)}, errors.Join(err1, err2)
}

func (s seal) seal(subject string, h header, frame []byte) []byte {
	h.Version = wireVersion
	head, err := json.Marshal(h)
	if err != nil {
		panic(err) // it is plain data
	}
	b := make([]byte, codedFrom, codedFrom+numberSize+len(head)+1+len(frame))
	copy(b, s.fingerprint)
	b = binary.BigEndian.AppendUint64(b, h.number)
	b = append(append(append(b, head...), '\n'), frame...)
	copy(b[fingerprintSize:], s.code(subject, b[codedFrom:]))
	return b
}

// open returns what a message says. The error is errOtherSecret, errForged or
// errUnreadable.
func (s seal) open(subject string, b []byte) (h header, frame []byte, err error) {
	if len(b) < codedFrom+numberSize {
		return h, nil, errForged
	}
	if !bytes.Equal(b[:fingerprintSize], s.fingerprint) {
		return h, nil, errOtherSecret
	}
	code, body := b[fingerprintSize:codedFrom], b[codedFrom:]
	if !hmac.Equal(code, s.code(subject, body)) {
		return h, nil, errForged
	}
	number := binary.BigEndian.Uint64(body)
	head, frame, ok := bytes.Cut(body[numberSize:], []byte{'\n'})
	if !ok {
		return h, nil, errUnreadable
	}
	if h, ok := s.frames[string(head)]; ok {
		h.number = number
		return h, frame, nil
	}
	if err := json.Unmarshal(head, &h); err != nil {
		return h, nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	if h.Version != wireVersion || h.From == "" {
		return h, nil, errUnreadable
	}
	if room, ok := event.ParseRoom(h.Room); h.Room != "" && (!ok || room != h.Room) {
		return h, nil, errUnreadable
	}
	if h.Kind == kindFrame && len(head) < maxFrameHeader {
		if len(s.frames) >= maxFrameHeaders {
			clear(s.frames)
		}
		s.frames[string(head)] = h
	}
	h.number = number
	return h, frame, nil
}

func (s seal) code(subject string, body []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(subject))
	mac.Write([]byte{0})
	mac.Write(body)
	return mac.Sum(nil)[:codeSize]
}

// window knows which of the latest messages of a sender have come. NATS may double and
// reorder messages, and others may send again what they have read.
type window struct {
	latest uint64
	came   [windowSize / 64]uint64 // a bit for each
}

// windowSize is how many messages later one may come at most.
const windowSize = 1 << 12

// take reports whether a message has not come before, as far as that is known.
func (w *window) take(number uint64) bool {
	if number+windowSize <= w.latest {
		return false
	}
	if ahead := min(number-min(number, w.latest), windowSize); ahead > 0 {
		for i := range ahead {
			w.set(w.latest+1+i, false)
		}
		w.latest = number
	}
	at, bit := number%windowSize/64, uint64(1)<<(number%64)
	came := w.came[at]&bit != 0
	w.set(number, true)
	return !came
}

func (w *window) set(number uint64, came bool) {
	at, bit := number%windowSize/64, uint64(1)<<(number%64)
	if came {
		w.came[at] |= bit
	} else {
		w.came[at] &^= bit
	}
}

// NewOwner names one run of a server: the name of the server, and the number of the run.
func NewOwner(name string, run int64) presence.Owner {
	return presence.Owner(name + "/" + strconv.FormatInt(run, 10))
}

// nameOf returns the name of the server, and the number of its run.
func nameOf(o presence.Owner) (name string, run int64) {
	at := strings.LastIndexByte(string(o), '/')
	if at < 0 {
		return string(o), 0
	}
	run, _ = strconv.ParseInt(string(o[at+1:]), 10, 64)
	return string(o[:at]), run
}

// subjects are where messages go.
type subjects struct{ prefix string }

func (s subjects) life() string            { return s.prefix + ".life" }
func (s subjects) room(name string) string { return s.prefix + ".room." + name }

// inbox is where one server is told something about a room. A name of a server may have
// characters that a subject must not have.
func (s subjects) inbox(of presence.Owner, about string) string {
	sum := sha256.Sum256([]byte(of))
	return s.prefix + ".to." + strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:10])) + "." + about
}

// The inboxes of a server have names of rooms, those for kindHolds behind a word.
const heldWord = "held."

// allInboxes is what a server subscribes to.
const allInboxes = ">"

// about returns what follows the inbox in a subject.
func (s subjects) about(of presence.Owner, subject string) (string, bool) {
	return strings.CutPrefix(subject, s.inbox(of, ""))
}
