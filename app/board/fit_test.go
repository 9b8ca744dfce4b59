package board

import "testing"

func TestAWallShowsEverybodyAsLargeAsItCan(t *testing.T) {
	for _, c := range []struct {
		n             int
		width, height float64
	}{
		{0, 1920, 900}, {1, 1920, 900}, {2, 1920, 900}, {12, 1920, 900}, {12, 900, 1600}, {200, 1920, 900},
	} {
		got := Fit(c.n, c.width, c.height)
		rows := (max(c.n, 1) + got - 1) / got
		side := min(c.width/float64(got), c.height/float64(rows))
		if other := Fit(c.n, c.width*2, c.height*2); other != got {
			t.Errorf("%d: %d columns, on a screen twice as fine %d", c.n, got, other)
		}
		for columns := 1; columns <= MaxColumns; columns++ {
			rows := (max(c.n, 1) + columns - 1) / columns
			if better := min(c.width/float64(columns), c.height/float64(rows)); columns <= max(c.n, 3) && better > side {
				t.Errorf("%d in %vx%v: %d columns give %v, %d give %v", c.n, c.width, c.height, got, side, columns, better)
			}
		}
	}
}
