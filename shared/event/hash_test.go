package event

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"testing"

	"pgregory.net/rapid"
)

// The vectors were made by another program, from the words in testdata.
func TestHashVectors(t *testing.T) {
	file, err := os.ReadFile("testdata/hash.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Users []struct {
			User        string
			Bytes       int
			FNV1a, Hash string
		}
		Rosters []struct {
			Users []int
			Count int
			Hash  string
		}
	}
	if err := json.Unmarshal(file, &vectors); err != nil || len(vectors.Users) == 0 || len(vectors.Rosters) == 0 {
		t.Fatalf("%v, %d users, %d rosters", err, len(vectors.Users), len(vectors.Rosters))
	}
	hashes := make([]uint64, len(vectors.Users))
	for i, v := range vectors.Users {
		events, err := DecodeServer([]byte(`[{"event":"new_user","data":` + v.User + `}]`))
		if err != nil || len(events) != 1 {
			t.Fatalf("%s is %v, %v", v.User, events, err)
		}
		hashes[i] = events[0].(NewUser).Hash()
		f := fnv.New64a()
		f.Write([]byte(v.User))
		if len(v.User) != v.Bytes || fmt.Sprintf("%016x", f.Sum64()) != v.FNV1a || fmt.Sprintf("%016x", hashes[i]) != v.Hash {
			t.Errorf("%s has %d bytes, FNV-1a %016x and hash %016x, want %d, %s and %s", v.User, len(v.User), f.Sum64(), hashes[i], v.Bytes, v.FNV1a, v.Hash)
		}
	}
	for _, v := range vectors.Rosters {
		var all uint64
		for _, i := range v.Users {
			all ^= hashes[i]
		}
		if fmt.Sprintf("%016x", all) != v.Hash || len(v.Users) != v.Count {
			t.Errorf("roster %v has hash %016x, want %s", v.Users, all, v.Hash)
		}
	}
}

func TestEveryByteOfAUserCountsInTheHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := anyUser().Draw(t, "user")
		wire, seen := u.Encoded().wire, map[uint64]bool{u.Hash(): true}
		if u.Hash() != u.Encoded().Hash() || u.Encoded().Size() != len(wire) {
			t.Errorf("%+v has the hash %x and %x", u, u.Hash(), u.Encoded().Hash())
		}
		for i := range wire {
			b := []byte(wire)
			b[i] ^= 1
			if h := hash(string(b)); seen[h] {
				t.Errorf("%s has the hash of another", b)
			} else {
				seen[h] = true
			}
		}
	})
}

func TestEveryFieldCountsInTheHash(t *testing.T) {
	base := User{ID: "id", Name: "name", Note: "note", Since: 7}
	hashes := map[uint64]string{base.Hash(): "base"}
	for name, change := range map[string]func(*User){
		"id":           func(u *User) { u.ID = "id2" },
		"name":         func(u *User) { u.Name = "name2" },
		"status":       func(u *User) { u.Status = StatusBusy },
		"note":         func(u *User) { u.Note = "" },
		"link":         func(u *User) { u.Link = LinkReconnecting },
		"since":        func(u *User) { u.Since = 8 },
		"status_since": func(u *User) { u.StatusSince = 8 },
		"until":        func(u *User) { u.Until = 8 },
		"data":         func(u *User) { u.Data = `{"a":1}` },
		"id+name":      func(u *User) { u.ID, u.Name = "idn", "ame" },
	} {
		u := base
		change(&u)
		if other, taken := hashes[u.Hash()]; taken {
			t.Errorf("%s hashes as %s does", name, other)
		}
		hashes[u.Hash()] = name
	}
}

// A field that this version does not know counts in the hash, and two users who
// differ in nothing else are not equal.
func TestTheBytesThatCameAreKept(t *testing.T) {
	const begin = `{"id":"a","name":"A","since":1,"later":`
	var users []User
	for _, frame := range []string{
		`[{"event":"new_user","data":` + begin + `1}}]`, `[{"event":"update_user","data":[` + begin + `2}]}]`, // scanned
		`[ {"event":"update_user","data":` + begin + `[ 3 ]} } ]`, // by encoding/json
		`[ {"event":"existing_users","data":{"me":` + begin + `4},"users":[ ` + begin + `5} ]}}]`,
		`[{"event":"existing_users","data":{"me":` + begin + `6},"users":[` + begin + `7}]}}]`,
	} {
		events, err := DecodeServer([]byte(frame))
		if err != nil || len(events) != 1 {
			t.Fatalf("%s is %v, %v", frame, events, err)
		}
		switch e := events[0].(type) {
		case NewUser:
			users = append(users, e.User)
		case UpdateUser:
			users = append(users, e.User)
		case ExistingUsers:
			users = append(users, *e.Me, e.Users[0])
		}
	}
	for i, later := range []string{"1", "2", "[ 3 ]", "4", "5", "6", "7"} {
		wire := begin + later + "}"
		if i >= len(users) || users[i].Hash() != hash(wire) || string(appendUser(nil, users[i])) != wire {
			t.Fatalf("%d is %+v, want %s", i, users, wire)
		}
		for _, other := range users[:i] {
			if users[i] == other || users[i].Hash() == other.Hash() {
				t.Errorf("%+v is %+v", users[i], other)
			}
		}
	}
}

func TestAUserThatIsChangedAndEncodedAgainIsTheNewOne(t *testing.T) {
	u := User{ID: "a", Name: "A", Since: 1}.Encoded()
	u.Name = "B"
	if u = u.Encoded(); u != (User{ID: "a", Name: "B", Since: 1}).Encoded() {
		t.Errorf("%+v", u)
	}
	if v := Named("C").Apply(u); v.Hash() != (User{ID: "a", Name: "C", Since: 1}).Hash() {
		t.Errorf("%+v has the hash of before", v)
	}
}
