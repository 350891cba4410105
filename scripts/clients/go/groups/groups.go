// Package groups is what every Go client does as a group: join, share, leave, come back; each record is read once.
package groups

import (
	"fmt"
	"math/rand"
	"slices"
	"time"

	"millrace/clients/checks"
	"millrace/clients/roundtrip"
)

const (
	partitions = roundtrip.Partitions
	count      = roundtrip.Count
	each       = count / partitions
)

// A Position is a record that was read.
type Position struct {
	Partition int32
	Offset    int64
}

// A Member is a consumer of a group that has subscribed.
type Member interface {
	// Poll returns what came in half a second at most.
	Poll() ([]Position, error)
	// Assignment is the partitions that it has now.
	Assignment() []int32
	// Commit commits what Poll has returned.
	Commit() error
	Seek(partition int32, offset int64) error
	// Close leaves the group.
	Close() error
}

// A Client is one library under test.
type Client interface {
	roundtrip.Client
	Join(group, topic string) (Member, error)
	Committed(group, topic string, partition int32) (int64, error)
}

// Run makes all checks and ends the process when one fails.
func Run(name string, client Client) {
	topic := fmt.Sprintf("%s-groups-%08x", name, rand.Uint32())
	run := &run{client: client, topic: topic, group: topic + "-group"}
	checks.Run(name+"-groups", []checks.Step{
		{What: "a member reads everything and commits", Do: run.first},
		{What: "a second member takes its part of the partitions", Do: run.second},
		{What: "a member that leaves gives its partitions back", Do: run.leave},
		{What: "a group that comes back goes on where it committed", Do: run.restart},
		{What: "a member seeks", Do: run.seek},
	})
}

type run struct {
	client       Client
	topic, group string
	batches      int64
	members      []Member
}

func (r *run) first() error {
	if err := r.client.Create(r.topic, partitions); err != nil {
		return err
	}
	if err := r.join(); err != nil {
		return err
	}
	return r.batch()
}

func (r *run) second() error {
	if err := r.join(); err != nil {
		return err
	}
	if err := r.share(); err != nil {
		return err
	}
	return r.batch()
}

func (r *run) leave() error {
	if err := r.members[1].Close(); err != nil {
		return err
	}
	r.members = r.members[:1]
	if err := r.share(); err != nil {
		return err
	}
	if err := r.batch(); err != nil {
		return err
	}
	err := r.members[0].Close()
	r.members = nil
	return err
}

func (r *run) restart() error {
	for partition := range int32(partitions) {
		committed, err := r.client.Committed(r.group, r.topic, partition)
		if err != nil {
			return err
		}
		if committed != r.batches*each {
			return fmt.Errorf("partition %d is committed at %d instead of %d", partition, committed, r.batches*each)
		}
	}
	if err := r.join(); err != nil {
		return err
	}
	return r.batch()
}

// seek lets the member that is left go back; what follows in that partition comes again, and nothing else.
func (r *run) seek() error {
	const partition, offset = 1, 7
	if err := r.members[0].Seek(partition, offset); err != nil {
		return err
	}
	var expected, read []Position
	for next := int64(offset); next < r.batches*each; next++ {
		expected = append(expected, Position{partition, next})
	}
	err := r.poll(func() bool { return len(read) >= len(expected) }, func(p Position) { read = append(read, p) })
	if err != nil {
		return err
	}
	if !slices.Equal(expected, read) {
		return fmt.Errorf("read %v instead of %v", read, expected)
	}
	return r.members[0].Close()
}

func (r *run) join() error {
	member, err := r.client.Join(r.group, r.topic)
	if err == nil {
		r.members = append(r.members, member)
	}
	return err
}

// batch produces records, reads each of them once and nothing else, and commits.
func (r *run) batch() error {
	records := roundtrip.Records()
	for i := range records {
		records[i].Offset += r.batches * each
	}
	if err := r.client.Produce(r.topic, "none", records); err != nil {
		return err
	}
	var expected []Position
	for _, record := range records {
		expected = append(expected, Position{record.Partition, record.Offset})
	}
	var read []Position
	err := r.poll(func() bool { return len(read) >= count }, func(p Position) { read = append(read, p) })
	if err != nil {
		return fmt.Errorf("%d of %d records: %w", len(read), count, err)
	}
	compare := func(a, b Position) int {
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	}
	slices.SortFunc(expected, compare)
	slices.SortFunc(read, compare)
	if !slices.Equal(expected, read) {
		return fmt.Errorf("read %v instead of %v", read, expected)
	}
	r.batches++
	for _, member := range r.members {
		if err := member.Commit(); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
	}
	return nil
}

// share waits until every member has partitions, and all of them together each once.
func (r *run) share() error {
	return r.poll(func() bool {
		var all []int32
		for _, member := range r.members {
			assigned := member.Assignment()
			if len(assigned) == 0 {
				return false
			}
			all = append(all, assigned...)
		}
		slices.Sort(all)
		return slices.Equal(all, []int32{0, 1, 2})
	}, func(Position) {})
}

func (r *run) poll(reached func() bool, take func(Position)) error {
	deadline := time.Now().Add(checks.Patience)
	for !reached() {
		if time.Now().After(deadline) {
			return fmt.Errorf("nothing more in %v", checks.Patience)
		}
		for _, member := range r.members {
			read, err := member.Poll()
			if err != nil {
				return err
			}
			for _, position := range read {
				take(position)
			}
		}
	}
	return nil
}
