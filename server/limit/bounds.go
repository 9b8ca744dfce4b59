package limit

import (
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/time/rate"
)

// AddressSize is how much memory an address takes at most, in bytes, for each that
// is in use. There may be twice as many, see [Addresses.Forget], each of a site of
// its own and with sessions that have to wait, see [Share.Bar].
func AddressSize() int {
	const limiters = 4
	share := int(unsafe.Sizeof(Share{})) + limiters*int(unsafe.Sizeof(rate.Limiter{})) + len("ffff:ffff:ffff:ff00::/56")
	site := int(unsafe.Sizeof(usage{}))
	known := perEntry(unsafe.Sizeof(netip.Prefix{}), unsafe.Sizeof(&Share{}))
	barred := 4 * perEntry(unsafe.Sizeof([16]byte{}), unsafe.Sizeof(time.Time{})) // as the smallest map has
	return 2 * (share + site + 2*known + barred)
}

// perEntry is what an entry takes of a map at most: a map is at least 7/16 full when
// it has grown, and has a byte more for each place.
func perEntry(key, value uintptr) int { return int(key+value+1) * 16 / 7 }
