package service

import (
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestARequestTakesNoMoreThanItsBound(t *testing.T) {
	const n = 50
	memory := func() int {
		runtime.GC()
		runtime.GC() // for what is pooled
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc + m.StackInuse)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{MaxHeaderBytes: maxHeader}
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	defer func() {
		server.Close()
		<-done
	}()
	var header strings.Builder
	header.WriteString("GET / HTTP/1.1\r\n")
	for i := 0; header.Len() < maxHeader+4<<10-100; i++ {
		fmt.Fprintf(&header, "%c%c%c:\r\n", 'a'+i%26, 'a'+i/26%26, 'a'+i/26/26)
	}
	before := memory()
	for range n {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(header.String())); err != nil {
			t.Fatal(err)
		}
	}
	// Nothing tells when the server has read all of it.
	time.Sleep(500 * time.Millisecond)
	took, most := (memory()-before)/n, RequestSize()
	t.Logf("a request takes %d of %d", took, most)
	if took > most || took < most/2 {
		t.Errorf("a request takes %d bytes; the most are %d", took, most)
	}
}
