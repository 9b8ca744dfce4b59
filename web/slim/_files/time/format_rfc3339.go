// The page reads no time in JSON: in the protocol times are numbers. As package json
// can read one, it would bring along the reader of every layout there is.

package time

import "errors"

func (t Time) appendFormatRFC3339(b []byte, nanos bool) []byte {
	if nanos {
		return t.appendFormat(b, RFC3339Nano)
	}
	return t.appendFormat(b, RFC3339)
}

func (t Time) appendStrictRFC3339(b []byte) ([]byte, error) {
	if year := t.Year(); year < 0 || year > 9999 {
		return b, errors.New("year outside of range [0,9999]")
	}
	return t.appendFormatRFC3339(b, true), nil // no zone of a browser has 24 hours
}

func parseRFC3339[bytes []byte | string](bytes, *Location) (Time, bool) { return Time{}, false }

func parseStrictRFC3339([]byte) (Time, error) {
	return Time{}, errors.New("the page is built without the reader of times (see web/slim)")
}
