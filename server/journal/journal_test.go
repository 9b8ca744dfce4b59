package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// read returns the records of a file.
func read(t testing.TB, path string) (records []string, err error) {
	t.Helper()
	_, err = Read(path, func(r []byte) error {
		records = append(records, string(r))
		return nil
	})
	return records, err
}

func create(t *testing.T, path string, records ...string) *Writer {
	t.Helper()
	w, err := Create(path, func(w *Writer) error {
		for _, r := range records {
			if err := w.Append([]byte(r)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func expect(t *testing.T, path string, want ...string) {
	t.Helper()
	if records, err := read(t, path); err != nil || !slices.Equal(records, want) {
		t.Errorf("%q, %v, want %q", records, err, want)
	}
}

func TestWhatIsAppendedIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	w := create(t, path, "one", "1")
	expect(t, path, "one", "1")
	if w.Append(nil) == nil {
		t.Error("a record without data is taken")
	}
	if err := w.Append([]byte("two")); err != nil {
		t.Fatal(err)
	}
	expect(t, path, "one", "1", "two")
	if info, err := os.Stat(path); err != nil || info.Size() != w.Size() || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; it says %d bytes", info, err, w.Size())
	}
	create(t, path, "new")
	expect(t, path, "new")
}

func TestAJournalThatCannotBeMadeLeavesTheOldOne(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "j")
	create(t, path, "old")
	full := errors.New("full")
	if _, err := Create(path, func(*Writer) error { return full }); !errors.Is(err, full) {
		t.Error(err)
	}
	expect(t, path, "old")
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestTheTimeOfTheLastUseIsKnown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	w := create(t, path, "one")
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := w.Touch(at); err != nil {
		t.Fatal(err)
	}
	if usedAt, err := Read(path, func([]byte) error { return nil }); err != nil || !usedAt.Equal(at) {
		t.Errorf("%v, %v, want %v", usedAt, err, at)
	}
}

// Whatever a crash leaves of a file, what is read is what was appended, up to some record.
func TestWhatIsLeftOfAFileIsReadAsItWas(t *testing.T) {
	folder := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		records := rapid.SliceOf(rapid.StringN(1, 20, 20)).Draw(rt, "records")
		path, whole := filepath.Join(folder, "j"), []byte(magic)
		for _, r := range records {
			whole = append(whole, framed([]byte(r))...)
		}
		cut := rapid.IntRange(0, len(whole)).Draw(rt, "cut")
		left := slices.Clone(whole[:cut])
		zeros := rapid.IntRange(0, 30).Draw(rt, "zeros") // blocks that were never written
		left = append(left, make([]byte, zeros)...)
		flip := rapid.IntRange(-1, len(left)-1).Draw(rt, "flip")
		if flip >= 0 {
			left[flip] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		}
		if err := os.WriteFile(path, left, 0o600); err != nil {
			rt.Fatal(err)
		}
		got, err := read(t, path)
		if err != nil && !errors.Is(err, ErrDamaged) {
			rt.Fatal(err)
		}
		if flip < 0 && zeros == 0 && cut >= len(magic) && err != nil {
			rt.Fatalf("a file that is cut off is damaged: %v", err)
		}
		if len(got) > len(records) || !slices.Equal(got, records[:len(got)]) {
			rt.Fatalf("%q was %q", got, records)
		}
	})
}

func FuzzRead(f *testing.F) {
	path := filepath.Join(f.TempDir(), "j")
	f.Add([]byte(magic))
	f.Add([]byte(magic + "\x00\x00\x00\x01\xff\xff\xff\xffx"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		records, err := read(t, path)
		if err != nil {
			return
		}
		size := len(magic)
		for _, r := range records {
			size += headerSize + len(r)
		}
		if size > len(file) || !bytes.HasPrefix(file, []byte(magic)) {
			t.Errorf("%d records of %d bytes", len(records), len(file))
		}
	})
}
