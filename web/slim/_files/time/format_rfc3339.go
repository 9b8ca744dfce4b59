// The page reads no time in JSON: in the protocol times are numbers. As package json
// can read one, it would bring along the reader of every layout there is.

package time

import "errors"

const (
	rfc3339     = "2006-01-02T15:04:05Z07:00 "           // the space has it written
	rfc3339Nano = "2006-01-02T15:04:05.999999999Z07:00 " // part by part
)

func (t Time) appendFormatRFC3339(b []byte, nanos bool) []byte {
	layout := rfc3339
	if nanos {
		layout = rfc3339Nano
	}
	b = t.appendFormat(b, layout)
	return b[:len(b)-1]
}

func (t Time) appendStrictRFC3339(b []byte) ([]byte, error) {
	if year := t.Year(); year < 0 || year > 9999 {
		return b, errors.New("year outside of range [0,9999]")
	}
	return t.appendFormatRFC3339(b, true), nil
}

func parseRFC3339[bytes []byte | string](bytes, *Location) (Time, bool) { return Time{}, false }

func parseStrictRFC3339([]byte) (Time, error) {
	return Time{}, errors.New("the page is built without the reader of times (see web/slim)")
}
