// Package journal keeps records in a file to which is appended, so that what was written
// outlives a crash of the program, and what was synced outlives a loss of power.
package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A file is magic, and records: the length and the checksum (CRC-32C, RFC 3720, section 12.1)
// of the data, 4 bytes each in big endian, and the data.
const (
	magic      = "journal\n"
	headerSize = 8
)

// MaxRecord is how long a record may be, in bytes.
const MaxRecord = 64 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrDamaged is that a file is no journal, or has another end than what was appended to it.
var ErrDamaged = errors.New("the file is damaged")

// Read calls record with all records of a file, up to the first that is damaged. If the last
// record is cut off, as after a crash, it is left out. Otherwise, a damage is ErrDamaged.
// UsedAt is when the file was used last.
func Read(path string, record func([]byte) error) (usedAt time.Time, err error) {
	f, err := os.Open(path)
	if err != nil {
		return usedAt, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return usedAt, err
	}
	usedAt = info.ModTime()
	left := info.Size()
	begin := make([]byte, len(magic))
	if _, err := io.ReadFull(f, begin); err != nil || string(begin) != magic {
		return usedAt, ErrDamaged
	}
	left -= int64(len(magic))
	for left > 0 {
		var header [headerSize]byte
		if left < headerSize {
			return usedAt, nil // cut off
		}
		if _, err := io.ReadFull(f, header[:]); err != nil {
			return usedAt, err
		}
		left -= headerSize
		length := int64(binary.BigEndian.Uint32(header[:]))
		if length == 0 || length > MaxRecord {
			return usedAt, ErrDamaged // such as zeros where nothing was ever written
		}
		if length > left {
			return usedAt, nil // cut off
		}
		data := make([]byte, length)
		if _, err := io.ReadFull(f, data); err != nil {
			return usedAt, err
		}
		left -= length
		if crc32.Checksum(data, castagnoli) != binary.BigEndian.Uint32(header[4:]) {
			return usedAt, ErrDamaged
		}
		if err := record(data); err != nil {
			return usedAt, err
		}
	}
	return usedAt, nil
}

// Writer appends to a journal. It is not safe for concurrent use. After an error, only
// Close is of use: what is at the end of the file is not known.
type Writer struct {
	path string
	file *os.File
	size int64
}

// Create makes a journal in place of the one at path: it has the records that fill appends,
// or, if fill or the disk fails, the old one stays as it is. When it returns, all is synced.
// Only the user of this program can read the file.
func Create(path string, fill func(w *Writer) error) (_ *Writer, err error) {
	next := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(next)
		}
	}()
	w := &Writer{path: path, file: f}
	if err := w.write([]byte(magic)); err != nil {
		return nil, err
	}
	if err := fill(w); err != nil {
		return nil, err
	}
	if err := w.Sync(); err != nil {
		return nil, err
	}
	if err := os.Rename(next, path); err != nil {
		return nil, err
	}
	// The new name must outlive a loss of power as well. Not every system can sync a folder.
	if folder, err := os.Open(filepath.Dir(path)); err == nil {
		folder.Sync()
		folder.Close()
	}
	return w, nil
}

// Append adds a record, which is not empty. It outlives the end of this program from now on.
func (w *Writer) Append(data []byte) error {
	if len(data) == 0 || len(data) > MaxRecord {
		return fmt.Errorf("a record of %d bytes cannot be kept", len(data))
	}
	return w.write(framed(data))
}

// framed returns a record as it stands in the file.
func framed(data []byte) []byte {
	record := make([]byte, headerSize, headerSize+len(data))
	binary.BigEndian.PutUint32(record, uint32(len(data)))
	binary.BigEndian.PutUint32(record[4:], crc32.Checksum(data, castagnoli))
	return append(record, data...)
}

func (w *Writer) write(data []byte) error {
	n, err := w.file.Write(data)
	w.size += int64(n)
	return err
}

// Sync waits until the disk has all records.
func (w *Writer) Sync() error { return w.file.Sync() }

// Size returns how long the file is, in bytes.
func (w *Writer) Size() int64 { return w.size }

// Touch notes that the file is used now, though nothing is added.
func (w *Writer) Touch(now time.Time) error { return os.Chtimes(w.path, now, now) }

// Close closes the file.
func (w *Writer) Close() error { return w.file.Close() }
