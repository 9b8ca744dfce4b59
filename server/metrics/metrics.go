// Package metrics tells monitoring systems what a server does, in the format of Prometheus.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"rollcall/server/cluster"
	"rollcall/server/hub"
	"rollcall/server/refusal"
)

// Sources are where the figures are read. All are called at each scrape, concurrently.
type Sources struct {
	Version string
	Hub     *hub.Hub
	// Refused returns how often something was refused for a reason.
	Refused func(refusal.Reason) uint64
	// Sockets and Plain return how many connections there are: WebSockets, and those of
	// plain HTTP.
	Sockets, Plain func() int
	// Node is nil for a server that is alone.
	Node *cluster.Node
	// StateFailures returns how often the disk took nothing, and StateBytes how large the
	// journal is. Nil if nothing is kept.
	StateFailures func() uint64
	StateBytes    func() int64
}

// Metrics are the figures of a server. Safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	seen     prometheus.Histogram
}

// New returns metrics without sources, for which Seen counts already.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		seen: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "rollcall_seen_seconds",
			Help:    "How long it takes from when somebody joins until all others on this server have been sent it.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14), // 0.5 ms to 4 s
		}),
	}
	m.registry.MustRegister(m.seen, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Seen counts how long it took until somebody was seen. It is for hub.Options.Seen.
func (m *Metrics) Seen(took time.Duration) { m.seen.Observe(took.Seconds()) }

// Read has the figures read from sources. It is called once.
func (m *Metrics) Read(s Sources) { m.registry.MustRegister(collector{s}) }

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// collector reads all figures at each scrape, so that nothing is counted twice.
type collector struct{ Sources }

// figure is one metric that is read.
type figure struct {
	*prometheus.Desc
	name string
	kind prometheus.ValueType
}

func newFigure(kind prometheus.ValueType, name, help string, labels []string) figure {
	name = "rollcall_" + name
	return figure{prometheus.NewDesc(name, help, labels, nil), name, kind}
}

func gauge(name, help string, labels ...string) figure {
	return newFigure(prometheus.GaugeValue, name, help, labels)
}

func counter(name, help string, labels ...string) figure {
	return newFigure(prometheus.CounterValue, name, help, labels)
}

var (
	build       = gauge("build_info", "1, with the version of the program.", "version")
	connections = gauge("connections", "Open connections, by kind: websocket, or http.", "kind")
	rooms       = gauge("rooms", "Rooms with somebody in them or watching.")
	people      = gauge("people", "People in all rooms; somebody in two rooms counts twice.")
	watching    = gauge("watching", "Connections that see a room without being in it.")
	absent      = gauge("reconnecting", "People of this server without a connection, who may come back.")
	joins       = counter("joins_total", "Connections that have joined a room.")
	watches     = counter("watches_total", "Connections that have begun to watch a room.")
	arrivals    = counter("arrivals_total", "People who have come to a room.")
	departures  = counter("departures_total", "People who have gone from a room, by reason: closed, lost, left or other.", "reason")
	changes     = counter("changes_total", "Changes of rooms.")
	frames      = counter("frames_total", "Frames to connections, by what is in them: snapshot, diff, resumed or state. Several changes are merged into one frame.", "kind")
	bytes       = counter("frame_bytes_total", "Bytes of frames, before compression.")
	refusals    = counter("refusals_total", "What was refused, dropped or cut, by reason.", "reason")
	stateSize   = gauge("state_bytes", "Size of the journal with the rooms.")
	stateFailed = counter("state_failures_total", "Times at which the disk took nothing of the journal.")

	reachable = gauge("nats_reachable", "1 while NATS can be reached, else 0.")
	servers   = gauge("servers", "Other servers that are heard.")
	messages  = counter("nats_messages_total", "Messages between servers, by direction: sent or received.", "direction")
	dropped   = counter("nats_dropped_total", "Messages between servers that were dropped, by reason: secret, forged, unreadable or repeated.", "reason")
	drifts    = counter("nats_drifts_total", "Times at which the slice of another server was not what it should have been, and was asked for.")
	asks      = counter("nats_asks_total", "Times at which another server was asked for its slice.")
	lost      = counter("nats_lost_total", "Times at which messages came faster than they could be read.")
	ofCluster = []figure{reachable, servers, messages, dropped, drifts, asks, lost}
	ofState   = []figure{stateSize, stateFailed}
	ofAll     = []figure{build, connections, rooms, people, watching, absent, joins, watches, arrivals, departures, changes, frames, bytes, refusals}
)

// Names returns the names of all metrics of Rollcall's own.
func Names() (names []string) {
	names = append(names, "rollcall_seen_seconds")
	for _, some := range [][]figure{ofAll, ofState, ofCluster} {
		for _, f := range some {
			names = append(names, f.name)
		}
	}
	return names
}

// Describe implements prometheus.Collector.
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, some := range [][]figure{ofAll, ofState, ofCluster} {
		for _, f := range some {
			to <- f.Desc
		}
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	tell := func(f figure, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(f.Desc, f.kind, value, labels...)
	}
	count := func(f figure, n uint64, labels ...string) { tell(f, float64(n), labels...) }
	tell(build, 1, c.Version)
	tell(connections, float64(c.Sockets()), "websocket")
	tell(connections, float64(c.Plain()), "http")
	t, n := c.Hub.Totals(), c.Hub.Counts()
	tell(rooms, float64(t.Rooms))
	tell(people, float64(t.People))
	tell(watching, float64(t.Watching))
	tell(absent, float64(t.Absent))
	count(joins, n.Joined.Load())
	count(watches, n.Watched.Load())
	count(arrivals, n.Arrived.Load())
	count(departures, n.GoneClosed.Load(), "closed")
	count(departures, n.GoneLost.Load(), "lost")
	count(departures, n.GoneLeft.Load(), "left")
	count(departures, n.GoneOther.Load(), "other")
	count(changes, n.Changes.Load())
	count(frames, n.Snapshots.Load(), "snapshot")
	count(frames, n.Diffs.Load(), "diff")
	count(frames, n.Resumed.Load(), "resumed")
	count(frames, n.States.Load(), "state")
	count(bytes, n.Bytes.Load())
	for reason := range refusal.Count {
		count(refusals, c.Refused(reason), reason.String())
	}
	if c.StateBytes != nil {
		tell(stateSize, float64(c.StateBytes()))
		count(stateFailed, c.StateFailures())
	}
	if c.Node == nil {
		return
	}
	m := c.Node.Counts()
	reached, others := c.Node.Reach()
	tell(reachable, map[bool]float64{true: 1}[reached])
	tell(servers, float64(others))
	count(messages, m.Sent.Load(), "sent")
	count(messages, m.Received.Load(), "received")
	count(dropped, m.OtherSecret.Load(), "secret")
	count(dropped, m.Forged.Load(), "forged")
	count(dropped, m.Unreadable.Load(), "unreadable")
	count(dropped, m.Repeated.Load(), "repeated")
	count(drifts, m.Drifts.Load())
	count(asks, m.Asks.Load())
	count(lost, m.Lost.Load())
}
