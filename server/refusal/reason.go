package refusal

import (
	"fmt"
	"net/http"
	"time"

	"rollcall/shared/event"
)

//go:generate go test . -run TestTheREADMEHasTheTable -update

// Reason is why something was refused. The zero Reason is none.
type Reason uint8

// The reasons, in the order in which a client may meet them.
const (
	_ Reason = iota

	// Connections and requests of plain HTTP, and those that are to become a
	// WebSocket.
	PlainFull
	PlainQuiet
	UnknownHost
	TooManyFields
	RequestRate
	ForeignForget
	ForeignOrigin
	NoUpgrade
	BadHandshake
	ConnectionsFull
	AddressConnections
	AddressAttempts
	SessionBarred
	RestartingHTTP

	// Hellos.
	TooOld
	NoHello
	BadRoom
	BadName
	BadText
	BadStatus
	BadUntil
	BadData
	BadTab
	JoinRate
	JoinDebt
	RoomFull
	RoomsFull
	AlreadyJoined

	// Events.
	WrongShape
	UnknownEvent
	NotJoined
	WatcherChange
	QueryTooLong
	TooManyViews
	EventRate
	PingRate
	ConnectionDebt
	AddressDebt
	EventFlood
	ByteFlood

	// Frames.
	FrameTooLarge
	BinaryFrame
	BadFrame
	BrokenWebSocket

	// Connections that do not do their part, and the server's end.
	StuckWrite
	TooMuchPending
	BacklogFull
	PingUnanswered
	CloseUnanswered
	Restarting
	RestartCut

	// Count is no reason: it is how many there are, none among them.
	Count
)

// String returns the reason's name, which metrics and logs go by.
func (r Reason) String() string { return table[r].name }

// placeholder is where a message has what only the one who refuses knows.
const placeholder = "{}"

// row is what the table says of a reason.
type row struct {
	name    string // in snake_case; it stays, since others count by it
	outcome Outcome
	message string // for a person; of what is cut, for the README
	example any    // what stands in the message's place, in the README

	status          int             // of HTTP, if Answered
	code            event.Code      // of the error event
	close           event.CloseCode // of the close frame, if Ended; if Told, for a hello
	field           string          // at fault, if it is always the same
	retryAfter      time.Duration   // after which another try makes sense, if it is always the same
	wholeConnection bool            // it is about the connection, not about one event
}

const restarting = "The server is restarting; try again in a moment."

// closeProtocolError ends what is no WebSocket (RFC 6455, section 7.4.1).
const closeProtocolError event.CloseCode = 1002

var table = [Count]row{
	PlainFull: {
		name: "plain_full", outcome: Cut,
		message: "Your address, or the server, has as many connections of plain HTTP as it may have.",
	},
	PlainQuiet: {
		name: "plain_quiet", outcome: Cut,
		message: "Nothing was asked on a connection of plain HTTP while others needed it.",
	},
	UnknownHost: {
		name: "unknown_host", outcome: Answered, status: http.StatusMisdirectedRequest, // RFC 9110, section 15.5.20
		message: "This server does not answer under that host name. If it should, start it with -public-url.",
	},
	TooManyFields: {
		name: "too_many_fields", outcome: Answered, status: http.StatusRequestHeaderFieldsTooLarge, // RFC 6585, section 5
		message: "A request may have at most {} header fields.", example: 100,
	},
	RequestRate: {
		name: "request_rate", outcome: Answered, status: http.StatusTooManyRequests,
		message: "Your address has asked for too much in the last minutes. Try again in a moment.",
	},
	ForeignForget: {
		name: "foreign_forget", outcome: Answered, status: http.StatusForbidden,
		message: "Only pages of this server may ask for that.",
	},
	ForeignOrigin: {
		name: "foreign_origin", outcome: Answered, status: http.StatusForbidden,
		message: "Pages of another site may not connect here. If this is your own address, start the server with -public-url{}.",
		example: " https://here.example.org",
	},
	NoUpgrade: {
		name: "no_upgrade", outcome: Answered, status: http.StatusUpgradeRequired,
		message: "This address speaks WebSocket only. If a page cannot connect, the proxy before this server has to pass on the headers Upgrade and Connection.",
	},
	BadHandshake: {
		name: "bad_handshake", outcome: Answered, status: http.StatusBadRequest,
		message: "This is no handshake of a WebSocket: {}. If a page cannot connect, look at what the proxy before this server changes.",
		example: "missing Sec-WebSocket-Key",
	},
	ConnectionsFull: {
		name: "connections_full", outcome: Answered, status: http.StatusServiceUnavailable, retryAfter: 10 * time.Second,
		message: "This server has as many connections as it can take. Try again in a moment.",
	},
	AddressConnections: {
		name: "address_connections", outcome: Answered, status: http.StatusTooManyRequests, retryAfter: 30 * time.Second,
		message: "Your address has as many connections as one may have. Close some, or try again later.",
	},
	AddressAttempts: {
		name: "address_attempts", outcome: Answered, status: http.StatusTooManyRequests,
		message: "Your address has connected too often in the last minute. Try again in a moment.",
	},
	SessionBarred: {
		name: "session_barred", outcome: Answered, status: http.StatusTooManyRequests,
		message: "You have sent too much. Try again in a moment.",
	},
	RestartingHTTP: {
		name: "restarting_http", outcome: Answered, status: http.StatusServiceUnavailable, retryAfter: time.Second,
		message: restarting,
	},

	TooOld: {
		name: "too_old", outcome: Ended, code: event.CodeTooOld, close: event.CloseTooOld, wholeConnection: true,
		message: "This server speaks " + event.Subprotocol + "; reload the page or update the client.",
	},
	NoHello: {
		name: "no_hello", outcome: Ended, code: event.CodeNoHello, close: event.CloseNoHello, wholeConnection: true,
		message: fmt.Sprintf("No %s or %s came within %v of connecting. Connect again and say it at once.", event.NameGotANewUser, event.NameWatch, event.HelloTimeout),
	},
	BadRoom: {
		name: "bad_room", outcome: Ended, code: event.CodeBadRoom, close: event.CloseRefused, field: "room",
		message: fmt.Sprintf("A room's name has 1 to %d letters a to z, digits and hyphens.", event.MaxRoom),
	},
	BadName: {
		name: "bad_name", outcome: Told, code: event.CodeBadName, close: event.CloseRefused, field: "name",
		message: "{}", example: "Please type a name.",
	},
	BadText: { // of every text but the name. Its name is from when notes were the only ones: logs keep it
		name: "bad_note", outcome: Told, code: event.CodeBadEvent, close: event.CloseRefused,
		message: "{}", example: "That note is 81 characters long; 80 is the most.",
	},
	BadStatus: {
		name: "bad_status", outcome: Told, code: event.CodeBadEvent, close: event.CloseRefused, field: "status",
		message: "A status is here, away or busy.",
	},
	BadUntil: {
		name: "bad_until", outcome: Told, code: event.CodeBadEvent, close: event.CloseRefused, field: "until",
		message: "The end of a status is a time to come, at most a year ahead, in Unix milliseconds; 0 is none.",
	},
	BadData: {
		name: "bad_data", outcome: Told, code: event.CodeBadEvent, close: event.CloseRefused, field: "data",
		message: "{}", example: "Data may have at most 1024 bytes as JSON.",
	},
	BadTab: {
		name: "bad_tab", outcome: Ended, code: event.CodeBadEvent, close: event.CloseRefused, field: "tab",
		message: fmt.Sprintf("The name of a tab may have at most %d bytes.", event.MaxTab),
	},
	JoinRate: {
		name: "join_rate", outcome: Ended, code: event.CodeRateLimited, close: event.CloseRateLimited,
		message: "Too many people have come from your address in the last minute. Try again in a moment.",
	},
	JoinDebt: {
		name: "join_debt", outcome: Ended, code: event.CodeRateLimited, close: event.CloseRateLimited,
		message: "People at your address have asked for too much in the last minute. Try again in a moment.",
	},
	RoomFull: {
		name: "room_full", outcome: Ended, code: event.CodeRoomFull, close: event.CloseRoomFull, retryAfter: 10 * time.Second,
		message: "The room is full. Try again later, or go to another.",
	},
	RoomsFull: {
		name: "rooms_full", outcome: Ended, code: event.CodeServerFull, close: event.CloseServerFull, retryAfter: 10 * time.Second,
		message: "This server has as many rooms as it, or one address, may have. Try again later, or go to one that exists.",
	},
	AlreadyJoined: {
		name: "already_joined", outcome: Told, code: event.CodeAlreadyJoined,
		message: "This connection has joined a room already; open another for another room.",
	},

	WrongShape: {
		name: "wrong_shape", outcome: Told, code: event.CodeBadEvent,
		message: "The data of {} has the wrong shape.", example: event.NameUpdateUser,
	},
	UnknownEvent: {
		name: "unknown_event", outcome: Told, code: event.CodeBadEvent,
		message: "This server does not know {}; it may be of an earlier version.", example: "a_later_event",
	},
	NotJoined: {
		name: "not_joined", outcome: Told, code: event.CodeNotJoined,
		message: fmt.Sprintf("Say %s first.", event.NameGotANewUser),
	},
	WatcherChange: {
		name: "watcher_change", outcome: Told, code: event.CodeNotJoined,
		message: fmt.Sprintf("Who watches a room has nothing to change; join it with %s on a connection of its own.", event.NameGotANewUser),
	},
	QueryTooLong: {
		name: "query_too_long", outcome: Told, code: event.CodeBadEvent, field: "query",
		message: fmt.Sprintf("A query may have at most %d bytes.", event.MaxQuery),
	},
	TooManyViews: {
		name: "too_many_views", outcome: Told, code: event.CodeRateLimited, retryAfter: 5 * time.Second,
		message: "The room is searched and looked at in too many ways already. Try again in a moment.",
	},
	EventRate: {
		name: "event_rate", outcome: Dropped, code: event.CodeRateLimited,
		message: "A connection may send {} events a second; this one was dropped. Send fewer.", example: 10,
	},
	PingRate: {
		name: "ping_rate", outcome: Dropped, code: event.CodeRateLimited,
		message: "A connection may send {} events a second, pings among them; this ping is not answered. Send fewer.", example: 10,
	},
	ConnectionDebt: {
		name: "connection_debt", outcome: Dropped, code: event.CodeRateLimited,
		message: "You have asked for too much; this was dropped. Try again in a moment.",
	},
	AddressDebt: {
		name: "address_debt", outcome: Dropped, code: event.CodeRateLimited,
		message: "You, or others at your address, have asked for too much; this was dropped. Try again in a moment.",
	},
	EventFlood: {
		name: "event_flood", outcome: Ended, code: event.CodeRateLimited, close: event.CloseRateLimited, wholeConnection: true,
		message: "A connection may send {} events a second; this one has sent more for too long. Send fewer, and come back in a moment.", example: 10,
	},
	ByteFlood: {
		name: "byte_flood", outcome: Ended, code: event.CodeRateLimited, close: event.CloseRateLimited, wholeConnection: true,
		message: "This connection has sent too much for too long. Send less, and come back in a moment.",
	},

	FrameTooLarge: {
		name: "frame_too_large", outcome: Ended, code: event.CodeBadFrame, close: event.CloseTooLarge, wholeConnection: true,
		message: fmt.Sprintf("A frame may have at most %d bytes.", event.MaxFrame),
	},
	BinaryFrame: {
		name: "binary_frame", outcome: Ended, code: event.CodeBadFrame, close: event.CloseBadFrame, wholeConnection: true,
		message: "Frames must be text, not binary.",
	},
	BadFrame: {
		name: "bad_frame", outcome: Ended, code: event.CodeBadFrame, close: event.CloseBadFrame, wholeConnection: true,
		message: `A frame must be a JSON array of events, [{"event": "…", "data": {…}}, …], in UTF-8.`,
	},
	BrokenWebSocket: {
		name: "broken_websocket", outcome: Cut, close: closeProtocolError,
		message: "What was sent is no frame of a WebSocket.",
	},

	StuckWrite: {
		name: "stuck_write", outcome: Cut,
		message: "The client took nothing of what waited for it for too long.",
	},
	TooMuchPending: {
		name: "too_much_pending", outcome: Cut,
		message: "The client asked for more and more, and did not read the answers.",
	},
	BacklogFull: {
		name: "backlog_full", outcome: Cut,
		message: "Too much waited for all clients together, and most of it for those that read as slowly as this one.",
	},
	PingUnanswered: {
		name: "ping_unanswered", outcome: Cut,
		message: "The client did not answer a ping.",
	},
	CloseUnanswered: {
		name: "close_unanswered", outcome: Cut,
		message: "The client did not answer the close frame in time.",
	},
	Restarting: {
		name: "restarting", outcome: Ended, code: event.CodeRestarting, close: event.CloseRestarting, retryAfter: 500 * time.Millisecond, wholeConnection: true,
		message: restarting,
	},
	RestartCut: {
		name: "restart_cut", outcome: Cut,
		message: "The client had not closed when the server ended.",
	},
}
