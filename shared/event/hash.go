package event

// hash is that of one user: 64-bit FNV-1a over their JSON, byte by byte as it
// stands in the frame; then the finaliser of MurmurHash3 (fmix64), because the
// hash of a roster is the XOR of its users' and FNV alone mixes its last bytes
// too little for that.
func hash(wire string) uint64 {
	h := uint64(fnvOffset)
	for i := range len(wire) {
		h = (h ^ uint64(wire[i])) * fnvPrime
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
