package board

// MaxColumns is how many columns of boxes there are at most.
const MaxColumns = 24

// Fit is in how many columns n boxes are largest in a frame of that size, all
// of them in sight. Boxes are about as wide as they are high.
func Fit(n int, width, height float64) (columns int) {
	best, size := 1, 0.0
	for c := 1; c <= min(max(n, 3), MaxColumns); c++ {
		rows := (n + c - 1) / c
		if rows == 0 {
			rows = 1
		}
		if s := min(width/float64(c), height/float64(rows)); s > size {
			best, size = c, s
		}
	}
	return best
}
