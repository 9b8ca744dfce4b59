package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"

	"rollcall/server/site"
	"rollcall/web"
)

// asksForVersion reports whether the command line has -version. That is no flag of the
// flag set: then the environment variable ROLLCALL_VERSION, which people may set for
// something else, would count too.
func asksForVersion(args []string) bool {
	return slices.Contains(args, "-version") || slices.Contains(args, "--version")
}

// version returns the version of this program in one word.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(devel)"
	}
	return cmp.Or(info.Main.Version, "(devel)")
}

// printVersion prints which version of Rollcall this program is.
func printVersion(out io.Writer) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this program was built without the information that -version prints")
	}
	page, err := pageVersion()
	if errors.Is(err, web.ErrNotBuilt) {
		page = "not built"
	} else if err != nil {
		return err
	}
	writeVersion(out, info, page)
	return nil
}

// writeVersion writes a line for everything that is known about what this program was
// built from.
func writeVersion(out io.Writer, info *debug.BuildInfo, page string) {
	fmt.Fprintf(out, "rollcall %s\n", cmp.Or(info.Main.Version, "(devel)"))
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if revision := settings["vcs.revision"]; revision != "" {
		if settings["vcs.modified"] == "true" {
			revision += ", and changes that are not committed"
		}
		fmt.Fprintf(out, "revision %s\n", revision)
	}
	fmt.Fprintf(out, "page %s\n", page)
	fmt.Fprintf(out, "%s %s/%s\n", cmp.Or(info.GoVersion, runtime.Version()), runtime.GOOS, runtime.GOARCH)
}

// pageVersion returns the version of the page in this program, as /api/version answers
// it: a hash of everything that browsers load.
func pageVersion() (string, error) {
	assets, files, err := web.Load()
	if err != nil {
		return "", err
	}
	pages, err := site.New(site.Options{Assets: assets, Files: files})
	if err != nil {
		return "", err
	}
	return pages.Version(), nil
}
