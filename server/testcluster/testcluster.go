// Package testcluster starts NATS and several Rollcall servers for tests and tools.
package testcluster

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// Options are what a Cluster consists of.
type Options struct {
	Binary   string    // the program of the servers, such as bin/rollcall
	Servers  int       // how many; 0 is three
	Alone    bool      // one server, without NATS
	NATSPair bool      // whether there are two NATS servers, joined as a cluster
	Addr     string    // of the balancer; empty is a free port of this machine
	Args     []string  // more flags of the servers
	Log      io.Writer // where what they log goes; nil is nowhere but Logs
}

// Unlimited are flags for servers of which much is asked from one address.
var Unlimited = []string{"-limit-sockets", "0", "-limit-joins", "0", "-limit-bytes", "0", "-limit-events", "0", "-limit-connections", "0"}

// Cluster is NATS, servers with a line to it each, and a balancer before them.
type Cluster struct {
	NATS     []*NATS
	Links    []*Link // of the server of the same place
	Servers  []*Server
	Balancer *Balancer

	folder string // for state, which goes with the cluster
}

// Start starts a cluster. Whoever starts it has to close it.
func Start(options Options) (*Cluster, error) {
	c := &Cluster{}
	if err := c.start(options); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) start(options Options) (err error) {
	if options.Alone {
		options.Servers = 1
	} else if options.NATSPair {
		pair, err := StartNATSPair()
		if err != nil {
			return err
		}
		c.NATS = pair[:]
	} else {
		one, err := StartNATS(0)
		if err != nil {
			return err
		}
		c.NATS = []*NATS{one}
	}
	if c.folder, err = os.MkdirTemp("", "rollcall-cluster-"); err != nil {
		return err
	}
	secret := filepath.Join(c.folder, "secret")
	if err := os.WriteFile(secret, []byte(rand.Text()+rand.Text()), 0o600); err != nil {
		return err
	}
	if options.Servers == 0 {
		options.Servers = 3
	}
	for i := range options.Servers {
		name := string(rune('a' + i))
		of := ServerOptions{
			Binary: options.Binary, Name: name, Secret: secret,
			Data: filepath.Join(c.folder, name), Args: options.Args, Log: options.Log,
		}
		if !options.Alone {
			link, err := NewLink(c.NATS[i%len(c.NATS)].Addr())
			if err != nil {
				return err
			}
			c.Links, of.NATS = append(c.Links, link), link.URL()
		}
		c.Servers = append(c.Servers, NewServer(of))
	}
	if err := c.each((*Server).Start); err != nil {
		return err
	}
	var addrs []string
	for _, s := range c.Servers {
		addrs = append(addrs, s.Addr())
	}
	if options.Addr == "" {
		options.Addr = "127.0.0.1:0"
	}
	c.Balancer, err = NewBalancer(options.Addr, addrs)
	return err
}

// each does something with all servers at the same time.
func (c *Cluster) each(do func(*Server) error) error {
	errs := make([]error, len(c.Servers))
	var all sync.WaitGroup
	for i, s := range c.Servers {
		all.Go(func() { errs[i] = do(s) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// WebSocket is the address to which clients connect that do not care which server they
// get.
func (c *Cluster) WebSocket() string { return "ws://" + c.Balancer.Addr() + "/ws" }

// Logs is what the servers have logged lately.
func (c *Cluster) Logs() (logs string) {
	for _, s := range c.Servers {
		logs += fmt.Sprintf("server %s:\n%s\n", s.Name(), s.log.tail())
	}
	return logs
}

// Close ends everything that belongs to the cluster, and waits for that.
func (c *Cluster) Close() error {
	errs := []error{c.each((*Server).Stop)}
	if c.Balancer != nil {
		c.Balancer.Close()
	}
	for _, l := range c.Links {
		l.Close()
	}
	for _, n := range c.NATS {
		errs = append(errs, n.Stop())
	}
	if c.folder != "" {
		errs = append(errs, os.RemoveAll(c.folder))
	}
	return errors.Join(errs...)
}
