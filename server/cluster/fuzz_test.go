package cluster

import (
	"encoding/binary"
	"log/slog"
	"testing"

	"rollcall/server/hub"
	"rollcall/server/presence"
)

// Whatever a server with the right secret says, this one goes on.
func FuzzReceive(f *testing.F) {
	f.Add("test.room.a", "{\"v\":1,\"kind\":\"open\",\"from\":\"b/1\",\"room\":\"a\",\"knows\":{\"x/1\":{\"epoch\":\"e\",\"seq\":7}}}\n")
	f.Add("test.room.a", `{"v":1,"kind":"frame","from":"b/1","room":"a","epoch":"e"}`+"\n"+`[{"event":"room","data":{"seq":1,"count":0,"hash":"0000000000000000"}}]`)
	f.Add("test.room.a", `{"v":1,"kind":"slice","from":"b/1","room":"a","epoch":"e","whole":true,"page":0,"pages":1}`+"\n"+
		`[{"event":"new_user","data":{"id":"x","name":"X","since":1,"entry":{"n":1,"at":{"t":5}}}},{"event":"room","data":{"seq":1,"count":1,"hash":"0000000000000001"}}]`)
	f.Add("test.room.a", `{"v":1,"kind":"slice","from":"b/1","room":"a","epoch":"e","page":-1,"pages":-5}`+"\n")
	f.Add("test.room.a", `{"v":1,"kind":"holds","from":"b/1","room":"a","pages":3,"ids":["x"]}`+"\n")
	f.Add("test.life", `{"v":1,"kind":"life","from":"b/1","word":18446744073709551615,"now":-1,"ends":true}`+"\n")
	nats := &fakeNATS{unseen: make(map[[2]*fakeBus]bool)}
	node, err := start(f.Context(), Options{Prefix: "test", Name: "a", Run: 1, Secret: []byte(testSecret), Log: slog.New(slog.DiscardHandler)}, nats.connect())
	if err != nil {
		f.Fatal(err)
	}
	h := hub.New(hub.Options{Cluster: node, Owner: node.Owner()})
	f.Cleanup(func() {
		h.Close()
		node.Close()
	})
	if _, err := h.Watch("a", hub.Visitor{}, deaf{}); err != nil {
		f.Fatal(err)
	}
	number := uint64(0)
	f.Fuzz(func(t *testing.T, subject, body string) {
		done := make(chan bool)
		node.commands.add(func() {
			defer close(done)
			b := make([]byte, codedFrom)
			copy(b, node.seal.fingerprint)
			number++
			b = append(binary.BigEndian.AppendUint64(b, number), body...)
			copy(b[fingerprintSize:], node.seal.code(subject, b[codedFrom:]))
			node.receive(message{subject: subject, data: b})
			for owner := range node.peers { // or each run would make the next one slower
				if owner != presence.Owner("b/1") {
					node.lose(node.peers[owner])
				}
			}
		})
		<-done
	})
}
