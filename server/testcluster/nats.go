package testcluster

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// natsTimeout is how long NATS may take to start.
const natsTimeout = 10 * time.Second

// NATS is a NATS server in this process. It can be ended and started again at the same
// address. It stores nothing, so it has lost everything then.
type NATS struct {
	options server.Options
	running *server.Server // nil when it does not run
}

// StartNATS starts a NATS server at a port of the loopback address; 0 is a free one.
func StartNATS(port int) (*NATS, error) {
	return startNATS(server.Options{Port: port})
}

// StartNATSPair starts two NATS servers that are joined as a cluster.
func StartNATSPair() (pair [2]*NATS, err error) {
	for i := range pair {
		options := server.Options{
			ServerName: fmt.Sprintf("nats-%d", i),
			Cluster: server.ClusterOpts{
				Name: "rollcall", Host: "127.0.0.1", Port: server.RANDOM_PORT,
				// A client that knew the other server's address would go there, past
				// the Link that it is given.
				NoAdvertise: true,
			},
		}
		if i > 0 {
			options.Routes = server.RoutesFromStr("nats://" + pair[0].running.ClusterAddr().String())
		}
		if pair[i], err = startNATS(options); err != nil {
			return pair, errors.Join(err, pair[0].Stop())
		}
	}
	for deadline := time.Now().Add(natsTimeout); pair[0].running.NumRoutes() == 0 || pair[1].running.NumRoutes() == 0; {
		if time.Now().After(deadline) {
			return pair, errors.Join(errors.New("the two NATS servers do not find each other"), pair[0].Stop(), pair[1].Stop())
		}
		time.Sleep(time.Millisecond) // there is nothing to wait for
	}
	return pair, nil
}

func startNATS(options server.Options) (*NATS, error) {
	options.Host = "127.0.0.1"
	if options.Port == 0 {
		options.Port = server.RANDOM_PORT
	}
	options.NoLog, options.NoSigs = true, true
	n := &NATS{options: options}
	if err := n.Start(); err != nil {
		return nil, err
	}
	// The same ones the next time.
	n.options.Port = n.running.Addr().(*net.TCPAddr).Port
	if cluster := n.running.ClusterAddr(); cluster != nil {
		n.options.Cluster.Port = cluster.Port
	}
	return n, nil
}

// Start starts the server again after Stop.
func (n *NATS) Start() error {
	options := n.options // the server changes them
	running, err := server.NewServer(&options)
	if err != nil {
		return fmt.Errorf("starting NATS: %w", err)
	}
	running.Start()
	if !running.ReadyForConnections(natsTimeout) {
		running.Shutdown()
		running.WaitForShutdown()
		return fmt.Errorf("NATS does not start at port %d", n.options.Port)
	}
	n.running = running
	return nil
}

// Stop ends the server and waits for that. It closes all connections.
func (n *NATS) Stop() error {
	if n == nil || n.running == nil {
		return nil
	}
	n.running.Shutdown()
	n.running.WaitForShutdown()
	n.running = nil
	return nil
}

// Addr is the host and port of the server.
func (n *NATS) Addr() string { return fmt.Sprintf("127.0.0.1:%d", n.options.Port) }

// URL is the address of the server as clients of NATS take it.
func (n *NATS) URL() string { return "nats://" + n.Addr() }

// Messages is how many messages have come to the server since it was started, and how
// many bytes they had.
func (n *NATS) Messages() (messages, bytes int64) {
	if n.running == nil {
		return 0, 0
	}
	stats, err := n.running.Varz(nil)
	if err != nil {
		return 0, 0 // never
	}
	return stats.InMsgs, stats.InBytes
}

// SlowConsumers is how many clients the server has cut off since it was started because
// they did not take what was sent to them.
func (n *NATS) SlowConsumers() int64 {
	if n.running == nil {
		return 0
	}
	return n.running.NumSlowConsumers()
}
