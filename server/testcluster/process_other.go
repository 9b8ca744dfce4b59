//go:build !linux

package testcluster

import (
	"errors"
	"os"
	"os/exec"
)

func own(*exec.Cmd) {}

func freeze(*os.Process) error { return errors.ErrUnsupported }

func thaw(*os.Process) error { return errors.ErrUnsupported }
