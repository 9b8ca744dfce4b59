package presence

import (
	"container/heap"
	"iter"
	"slices"
)

// The kinds of deadlines.
const (
	// byDeadline: a user without connections is removed, and one with connections
	// becomes away. It is by the steady clock, in nanoseconds since the room's zero.
	byDeadline = iota
	// byEnd: status and note end. It is by the Unix clock, in milliseconds. It has a
	// queue of its own, so that nothing is computed anew when that clock jumps.
	byEnd
	kinds
)

// queue has the users with a deadline of one kind, as a heap: the earliest is first.
type queue[C comparable] struct {
	kind  int
	users []*user[C]
}

// set sets a user's deadline; 0 removes it.
func (q *queue[C]) set(u *user[C], at int64) {
	if u.dueAt[q.kind] == at {
		return
	}
	u.dueAt[q.kind] = at
	place := int(u.heapIndex[q.kind]) - 1
	switch {
	case at == 0:
		heap.Remove(q, place)
	case place < 0:
		heap.Push(q, u)
	default:
		heap.Fix(q, place)
	}
}

// has reports whether a user has a deadline.
func (q *queue[C]) has(u *user[C]) bool { return u.dueAt[q.kind] != 0 }

// next returns the earliest deadline. It reports false if there is none.
func (q *queue[C]) next() (int64, bool) {
	if len(q.users) == 0 {
		return 0, false
	}
	return q.users[0].dueAt[q.kind], true
}

// due yields the users whose deadline has passed, and removes the deadline.
func (q *queue[C]) due(now int64) iter.Seq[*user[C]] {
	return func(yield func(*user[C]) bool) {
		for at, ok := q.next(); ok && at <= now; at, ok = q.next() {
			u := q.users[0]
			q.set(u, 0)
			if !yield(u) {
				return
			}
		}
	}
}

// The methods of heap.Interface.

func (q *queue[C]) Len() int { return len(q.users) }

func (q *queue[C]) Less(i, j int) bool { return q.users[i].dueAt[q.kind] < q.users[j].dueAt[q.kind] }

func (q *queue[C]) Swap(i, j int) {
	q.users[i], q.users[j] = q.users[j], q.users[i]
	q.users[i].heapIndex[q.kind], q.users[j].heapIndex[q.kind] = int32(i+1), int32(j+1)
}

func (q *queue[C]) Push(x any) {
	u := x.(*user[C])
	q.users = append(q.users, u)
	u.heapIndex[q.kind] = int32(len(q.users))
}

func (q *queue[C]) Pop() any {
	last := len(q.users) - 1
	u := q.users[last]
	q.users[last], q.users = nil, q.users[:last]
	if cap(q.users) > 4*last+spare {
		q.users = slices.Clone(q.users)
	}
	u.heapIndex[q.kind] = 0
	return u
}
