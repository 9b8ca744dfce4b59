package roster

import (
	"strconv"

	"rollcall/shared/event"
)

// Hash is the content hash of one user: 64-bit FNV-1a over id, name, status,
// note, link and since, defaults filled in, since in decimal, a NUL between
// one and the next; then the finaliser of MurmurHash3 (fmix64), because the
// hash of a roster is the XOR of its users' and FNV alone mixes its last
// bytes too little for that.
func Hash(u event.User) uint64 {
	h := uint64(fnvOffset)
	h = fnv(h, u.ID)
	h = fnv(h*fnvPrime, u.Name) // h ^ NUL is h
	h = fnv(h*fnvPrime, u.Status.String())
	h = fnv(h*fnvPrime, u.Note)
	h = fnv(h*fnvPrime, u.Link.String())
	h *= fnvPrime
	var digits [20]byte
	for _, c := range strconv.AppendInt(digits[:0], u.Since, 10) {
		h = (h ^ uint64(c)) * fnvPrime
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return h
}

// The parameters of FNV-1a, 64 bit: draft-eastlake-fnv, section 5.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func fnv(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}
