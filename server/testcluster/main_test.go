package testcluster

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

const binary = "../../bin/rollcall"

func TestMain(m *testing.M) {
	if _, err := os.Stat(binary); err != nil {
		fmt.Fprintln(os.Stderr, "bin/rollcall is not there; run the tests with: make several")
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
