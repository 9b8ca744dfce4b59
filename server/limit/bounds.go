package limit

import (
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/time/rate"
)

// AddressSize returns how much memory an address that is in use takes at most, in bytes.
// It counts two for each, since there may be twice as many, see [Addresses.Forget], and
// each with a site of its own and barred sessions, see [Share.Bar].
func AddressSize() int {
	const limiters = 4
	share := int(unsafe.Sizeof(Share{})) + limiters*int(unsafe.Sizeof(rate.Limiter{})) + len("ffff:ffff:ffff:ff00::/56")
	site := int(unsafe.Sizeof(usage{}))
	known := perEntry(unsafe.Sizeof(netip.Prefix{}), unsafe.Sizeof(&Share{}))
	barred := 4 * perEntry(unsafe.Sizeof([16]byte{}), unsafe.Sizeof(time.Time{})) // the smallest map
	return 2 * (share + site + 2*known + barred)
}

// perEntry returns the largest memory of an entry of a map: after it has grown, a map is
// at least 7/16 full, and it has one byte more for each place.
func perEntry(key, value uintptr) int { return int(key+value+1) * 16 / 7 }
