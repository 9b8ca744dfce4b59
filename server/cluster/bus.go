package cluster

import "time"

// bus carries messages between servers. Its methods do not block. What it is given is sent
// in that order, as long as it is connected; else it is lost. Messages can be lost,
// doubled, delayed and reordered.
type bus interface {
	subscribe(subject string)
	unsubscribe(subject string)
	// publish sends a message. If nobody subscribes to the subject and reply is not
	// empty, a message with noResponders comes to reply.
	// It reports false if too much waits to be sent, and then it is not sent.
	publish(subject, reply string, data []byte) bool
	// ping is answered by busEvent.pingSent, if the bus works in both directions.
	ping()
	messages() <-chan message
	events() <-chan busEvent
	maxPayload() int
	// close sends what is still to be sent, for a limited time, and ends.
	close()
}

type message struct {
	subject, reply string
	data           []byte
	noResponders   bool
}

// busEvent says what has happened to the bus.
type busEvent struct {
	connected    bool
	disconnected bool
	refused      bool      // a subscription is not taken
	lost         bool      // messages to this server were lost
	pingSent     time.Time // when the ping was sent that was answered
}
