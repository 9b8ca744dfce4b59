package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/peterbourgon/ff/v3"

	"rollcall/server/certs"
	"rollcall/server/limit"
	"rollcall/server/service"
)

//go:generate go test . -run TestTheREADME -update

const envPrefix = "ROLLCALL"

// parse reads the settings from the command line and, for flags that are not there, from
// the environment. If the command line asks for help, it writes that to out and returns
// flag.ErrHelp.
func parse(args []string, out io.Writer) (service.Config, error) {
	config := service.Config{Out: out, ErrOut: os.Stderr}
	flags := newFlags(&config)

	err := ff.Parse(flags, args, ff.WithEnvVarPrefix(envPrefix))
	switch {
	case errors.Is(err, flag.ErrHelp):
		help(flags, out)
		return config, flag.ErrHelp
	case err != nil:
		return config, fmt.Errorf("%w; see rollcall -help", plainer(err))
	case flags.NArg() > 0:
		return config, fmt.Errorf("%q is no flag; see rollcall -help", flags.Arg(0))
	case config.Linger < 0:
		return config, fmt.Errorf("-linger is %v; it must be 0 or more", config.Linger)
	case config.Grace < 0:
		return config, fmt.Errorf("-grace is %v; it must be 0 or more", config.Grace)
	case !isSubject(config.Cluster.Prefix):
		return config, fmt.Errorf("-nats-prefix is %q; it must be of letters, digits, - and _, with dots between them", config.Cluster.Prefix)
	case !isNodeName(config.Cluster.NodeName):
		return config, fmt.Errorf("-node-name is %q; it must be of up to 100 letters, digits and signs, without spaces", config.Cluster.NodeName)
	case (config.Cluster.NATS.Cert == "") != (config.Cluster.NATS.Key == ""):
		return config, errors.New("-nats-cert and -nats-key need each other")
	case (config.TLS.Cert == "") != (config.TLS.Key == ""):
		return config, errors.New("-tls-cert and -tls-key need each other")
	case config.TLS.Cert != "" && config.TLS.Names != nil:
		return config, errors.New("-domain gets a certificate by itself; give either that or -tls-cert")
	case config.TLS.Names == nil && (config.TLS.CA != "" || config.TLS.Email != ""):
		return config, errors.New("-acme-ca and -acme-email need -domain")
	case config.Tick < 0:
		return config, fmt.Errorf("-tick is %v; it must be 0 or more", config.Tick)
	}
	if config.TLS.On() && !isSet(flags, "addr") {
		config.Addr = ":443"
	}
	return config, nil
}

// isSet reports whether a flag was given, on the command line or by the environment.
func isSet(flags *flag.FlagSet, name string) (set bool) {
	flags.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// isSubject reports whether a text can be the beginning of a NATS subject.
func isSubject(s string) bool {
	for token := range strings.SplitSeq(s, ".") {
		if token == "" || strings.ContainsFunc(token, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
		}) {
			return false
		}
	}
	return true
}

// isNodeName reports whether a text can be the name of a server; empty is none.
func isNodeName(s string) bool {
	return len(s) <= 100 && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' })
}

// newFlags returns the flags, which set the fields of config. The help and the table in
// the README are made from them.
func newFlags(config *service.Config) *flag.FlagSet {
	flags := flag.NewFlagSet("rollcall", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints errors, in one line
	flags.Usage = func() {}

	flags.StringVar(&config.Addr, "addr", ":8080", "the `address` to listen on: a host and a port, or the port alone for all networks of this machine")
	flags.StringVar(&config.Data, "data", defaultData(), "the `folder` for what must outlive a restart: the key of the sessions, and the rooms. "+
		"It is made if it is missing. Only one server can use it at a time. With off, nothing is kept: after a restart everybody is somebody new")
	flags.StringVar(&config.PublicURL, "public-url", "", "the web `address` that people open, such as https://here.example.org. It is needed behind a proxy with TLS. "+
		"With -domain or -tls-cert it is the first name there")
	flags.Func("domain", "the `names` under which people reach this server, separated by commas, such as here.example.org. "+
		"It gets certificates for them by itself, from Let's Encrypt unless -acme-ca is given, whose terms are agreed to by that. "+
		"The first name is the address of the page, and the others lead there. Without -addr it listens on :443", func(list string) (err error) {
		config.TLS.Names, err = certs.ParseNames(list)
		return err
	})
	flags.StringVar(&config.TLS.CA, "acme-ca", "", "the web `address` of the directory of another CA that speaks ACME")
	flags.StringVar(&config.TLS.Email, "acme-email", "", "the mail `address` at which the CA says if something is wrong with a certificate")
	flags.StringVar(&config.TLS.HTTPAddr, "http-addr", ":80", "the `address` to listen on with -domain or -tls-cert for plain HTTP: it answers the CA, and leads everybody else to HTTPS. Empty is none")
	flags.StringVar(&config.TLS.Cert, "tls-cert", "", "the `file` with a certificate, and those that lead to its root after it, as PEM; it needs -tls-key. "+
		"When the files change, they are taken up again. Without -addr this server listens on :443")
	flags.StringVar(&config.TLS.Key, "tls-key", "", "the `file` with the key of -tls-cert")
	flags.DurationVar(&config.Linger, "linger", 2*time.Second, "the `duration` for which somebody stays after their last tab was closed, so that a reload does not show; 0 removes them at once")
	flags.DurationVar(&config.Grace, "grace", 15*time.Second, "the `duration` for which somebody stays after their last connection was cut; 0 removes them at once. "+
		"After a restart of the server it is 90 s, whatever this flag says")
	flags.DurationVar(&config.Tick, "tick", 100*time.Millisecond, "the longest `duration` for which a busy room gathers changes before it sends them. A quiet room sends a change at once")
	flags.IntVar(&config.Window, "window", 500, "the `number` of people up to which everybody sees everybody. In a larger room each client sees a part of them, and the count; 0 means no limit")
	flags.Func("trusted-proxies", "the `addresses` of the reverse proxies whose X-Forwarded-For is believed: addresses and networks, separated by commas, such as 127.0.0.1,10.0.0.0/8. "+
		"They are needed behind a proxy, or all visitors count as one address", func(list string) (err error) {
		config.Proxies, err = limit.ParseProxies(list)
		return err
	})
	flags.IntVar(&config.Limits.Sockets, "limit-sockets", 2_000, "the `number` of WebSocket connections that one address may have at one time. A /56 of IPv6 counts as one address. "+
		"No address may have more than half of -limit-connections; 0 means no other limit")
	flags.IntVar(&config.Limits.Joins, "limit-joins", 3_000, "the `number` of times in a minute that one address may join or watch a room. To join a room that has the user already does not count. "+
		"The address may connect twice as often. It may ask for 15 times as many pages and files at once, and for as many again in each four minutes; 256 KiB of an answer count as one more request. 0 means no limit")
	flags.IntVar(&config.Limits.Bytes, "limit-bytes", 4<<20, "the `number` of bytes that one address may cost in a second, after a burst of 64 times as much. "+
		"An address costs the bytes that it asks for, the bytes that others are sent for each of its changes, four times the bytes that it sends, and 16 bytes for each word that is searched in each name. 0 means no limit")
	flags.IntVar(&config.Limits.Events, "limit-events", 10, "the `number` of events that one connection may send in a second, after a burst of 20. "+
		"For each of them it may send 1,600 bytes and ask for 26 KiB, after bursts of 32 KiB and 4 MiB; 0 means no limit")
	flags.IntVar(&config.Limits.Members, "limit-members", 20_000, "the `number` of people in one room; 0 means no limit")
	flags.IntVar(&config.Limits.Rooms, "limit-rooms", 10_000, "the `number` of rooms with people in them at one time. One address may open a tenth of them. The lobby does not count; 0 means no limit")
	flags.IntVar(&config.Limits.Connections, "limit-connections", defaultConnections(), "the `number` of WebSocket connections at one time. "+
		"Plain HTTP has the connections that WebSockets leave, and 64 more; 0 means no limit")
	flags.StringVar(&config.Admin.Addr, "admin-addr", "", "the `address` to listen on for the operator, such as 127.0.0.1:9090: pages with the rooms and their people, /metrics for Prometheus, and profiles. "+
		"Empty is none")
	flags.StringVar(&config.Admin.PasswordFile, "admin-password-file", "", "the `file` with the password of the operator; any name goes with it. It is needed unless -admin-addr is of this machine alone")
	flags.StringVar(&config.SecretFile, "secret-file", "", "the `file` with the secret that several servers share, of 32 bytes or more, in place of the key that a server makes for itself. "+
		"With it, everybody is known on each of them. It is needed with -nats")
	flags.StringVar(&config.Cluster.NATS.URLs, "nats", "", "the `addresses` of NATS servers, separated by commas, such as nats://10.0.0.5:4222. Over NATS, several Rollcall servers share their rooms. "+
		"Without it this server is alone")
	flags.StringVar(&config.Cluster.Prefix, "nats-prefix", "rollcall", "the `text` with which all NATS subjects begin. Servers with the same one share their rooms")
	flags.StringVar(&config.Cluster.NodeName, "node-name", "", "the `name` of this server among the others, each time the same. Empty is the name of this machine and the port")
	flags.StringVar(&config.Cluster.NATS.Credentials, "nats-creds", "", "the `file` with the credentials for NATS")
	flags.StringVar(&config.Cluster.NATS.CA, "nats-ca", "", "the `file` with the certificates of who signs that of NATS. Empty are those of this machine")
	flags.StringVar(&config.Cluster.NATS.Cert, "nats-cert", "", "the `file` with the certificate of this server for NATS; it needs -nats-key")
	flags.StringVar(&config.Cluster.NATS.Key, "nats-key", "", "the `file` with the key of -nats-cert")
	flags.TextVar(&config.LogLevel, "log-level", slog.LevelInfo, "the lowest `level` that is logged: debug, info, warn or error")
	flags.Lookup("log-level").DefValue = "info" // as it is typed

	numbers := []string{"window", "limit-sockets", "limit-joins", "limit-bytes", "limit-events", "limit-members", "limit-rooms", "limit-connections"}
	for _, name := range numbers {
		f := flags.Lookup(name)
		f.Value = natural{hinted{f.Value, "it must be a whole number, 0 or more"}}
	}
	for name, hint := range map[string]string{
		"linger":    "it must be a duration such as 500ms, 2s or 1m",
		"grace":     "it must be a duration such as 500ms, 2s or 1m",
		"tick":      "it must be a duration such as 50ms or 1s",
		"log-level": "it must be debug, info, warn or error",
	} {
		f := flags.Lookup(name)
		f.Value = hinted{f.Value, hint}
	}
	return flags
}

// hinted is the value of a flag whose errors say what it takes.
type hinted struct {
	flag.Value
	hint string
}

func (h hinted) Set(s string) error {
	if h.Value.Set(s) != nil {
		return errors.New(h.hint)
	}
	return nil
}

// natural is the value of a flag for a number that is not negative.
type natural struct{ hinted }

func (n natural) Set(s string) error {
	if strings.HasPrefix(strings.TrimSpace(s), "-") {
		return errors.New(n.hint)
	}
	return n.hinted.Set(s)
}

// plainer removes what ff says about where an error came from: the message of the flag
// names the flag. What it says about the environment stays.
func plainer(err error) error {
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "error parsing commandline") {
		return inner
	}
	return err
}

func help(flags *flag.FlagSet, out io.Writer) {
	fmt.Fprint(out, "Rollcall shows who is here, live.\n\nUsage: rollcall [flags], or rollcall -version\n\n")
	flags.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(out, "  -%s %s\n", f.Name, value)
		for _, line := range wrap(usage, 70) {
			fmt.Fprintf(out, "        %s\n", line)
		}
		fmt.Fprintf(out, "        default: %s; environment: %s\n\n", cmp.Or(f.DefValue, "none"), envName(f.Name))
	})
	fmt.Fprint(out, "A flag overrides its environment variable. A duration is such as 500ms or 2s.\n")
}

func envName(flag string) string {
	return envPrefix + "_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func wrap(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// defaultData is the user's folder for state: $XDG_STATE_HOME or
// ~/.local/state (XDG Base Directory Specification 0.8); without a home, the
// working directory's.
func defaultData() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "rollcall")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".rollcall"
	}
	return filepath.Join(home, ".local", "state", "rollcall")
}
