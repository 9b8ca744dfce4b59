package event

import "testing"

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
