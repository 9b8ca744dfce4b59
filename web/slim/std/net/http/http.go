// Package http stands in for net/http. Of it a page needs nothing but the
// answer that coder/websocket makes up when it has connected, and the name of
// the type of an option that only other programs use.
package http

import (
	"errors"
	"io"
	"net/url"
)

const (
	StatusSwitchingProtocols  = 101
	StatusOK                  = 200
	StatusNotModified         = 304
	StatusNotFound            = 404
	StatusInternalServerError = 500
)

type Header map[string][]string

func (Header) Get(string) string  { return "" }
func (Header) Set(string, string) {}

type Response struct {
	StatusCode int
	Header     Header
	Body       io.ReadCloser
}

type Client struct{}

type Request struct {
	URL    *url.URL
	Host   string
	Header Header
	TLS    *struct{}
}

type ResponseWriter interface {
	Header() Header
	Write([]byte) (int, error)
	WriteHeader(int)
}

type Handler interface {
	ServeHTTP(ResponseWriter, *Request)
}

type FileSystem any

type Dir string

type none struct{}

func (none) ServeHTTP(ResponseWriter, *Request) {}

func FileServer(FileSystem) Handler     { return none{} }
func NotFound(ResponseWriter, *Request) {}

func Get(string) (*Response, error) { return nil, errors.New("there is no net/http in a page") }
