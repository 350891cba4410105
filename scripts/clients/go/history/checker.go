package history

import (
	"cmp"
	"fmt"
	"slices"
)

// Kinds of finding; each is a failure.
const (
	Lost         = "lost"         // acknowledged, and not in the log
	Misplaced    = "misplaced"    // another record stands at the offset of an acknowledgement
	Contradicted = "contradicted" // two acknowledgements name one offset for different records
	Gap          = "gap"          // a record is there, one that its producer sent before it is not
	Duplicate    = "duplicate"    // a record of an idempotent producer is there twice, or behind a later one
	Phantom      = "phantom"      // nobody sent this record, or its bytes are not what was sent
	Hole         = "hole"         // offsets that are not consecutive
	Refused      = "refused"      // the producer gave a record up because of the broker's answer
)

const examplesKept = 20

// Report is the outcome of one check.
type Report struct {
	Records  int64            `json:"records"`
	Acked    int64            `json:"acked"`
	Resent   int64            `json:"resent_by_plain_producers"`
	Findings map[string]int64 `json:"findings"`
	Examples []string         `json:"examples,omitempty"`
}

// Checker takes the records of every partition in the order of their offsets and compares them with the claims.
type Checker struct {
	claims     *Claims
	report     Report
	nextOffset map[int32]int64
	last       map[Lane]int64 // highest sequence seen
	unmatched  map[int32][]Ack
	unplaced   []Ack // acknowledgements without an offset
}

// NewChecker sorts the acknowledgements by offset and finds those that contradict one another.
func NewChecker(claims *Claims) *Checker {
	c := &Checker{claims: claims, nextOffset: map[int32]int64{}, last: map[Lane]int64{}, unmatched: map[int32][]Ack{}}
	c.report.Findings = map[string]int64{}
	c.report.Acked = claims.Acked
	for _, refusal := range claims.Refusals {
		c.find(Refused, "%s", refusal)
	}
	for partition, acks := range claims.Acks {
		placed := make([]Ack, 0, len(acks))
		for _, ack := range acks {
			if ack.Sequence > c.attempted(ack.Lane) {
				c.find(Phantom, "acknowledged but never sent: %v", ack)
			}
			if ack.Offset < 0 {
				c.unplaced = append(c.unplaced, ack)
			} else {
				placed = append(placed, ack)
			}
		}
		slices.SortFunc(placed, func(a, b Ack) int { return cmp.Compare(a.Offset, b.Offset) })
		for i := 1; i < len(placed); i++ {
			if placed[i].Offset == placed[i-1].Offset && placed[i] != placed[i-1] {
				c.find(Contradicted, "%v and %v", placed[i-1], placed[i])
			}
		}
		c.unmatched[partition] = placed
	}
	return c
}

// Record checks the next record of a partition.
func (c *Checker) Record(partition int32, offset int64, value []byte) {
	c.report.Records++
	if expected := c.nextOffset[partition]; offset != expected {
		c.find(Hole, "partition %d: offset %d where %d was expected", partition, offset, expected)
	}
	c.nextOffset[partition] = offset + 1
	lane, sequence, err := ParseValue(value)
	if err != nil || lane.Partition != partition || sequence > c.attempted(lane) {
		c.find(Phantom, "partition %d offset %d: %v sequence %d: %v", partition, offset, lane, sequence, err)
		return
	}
	c.order(lane, sequence, offset)
	c.match(lane, sequence, offset)
}

// Finish reports what was acknowledged and never seen.
func (c *Checker) Finish() Report {
	for _, acks := range c.unmatched {
		for _, ack := range acks {
			c.find(Lost, "%+v is behind the end of its partition", ack)
		}
	}
	for _, ack := range c.unplaced {
		if last, seen := c.last[ack.Lane]; !seen || ack.Sequence > last {
			c.find(Lost, "%+v was not found", ack)
		}
	}
	return c.report
}

// order: an idempotent lane counts 0, 1, 2...; a plain one may step back (a batch sent again), but never skip ahead.
func (c *Checker) order(lane Lane, sequence, offset int64) {
	last, seen := c.last[lane]
	if !seen {
		last = -1
	}
	switch {
	case sequence > last+1:
		c.find(Gap, "%v: sequence %d follows %d at offset %d", lane, sequence, last, offset)
	case sequence <= last && c.claims.Idempotent[lane.Producer]:
		c.find(Duplicate, "%v: sequence %d follows %d at offset %d", lane, sequence, last, offset)
	case sequence <= last:
		c.report.Resent++
	}
	c.last[lane] = max(last, sequence)
}

// match removes the acknowledgements up to this offset, and judges them.
func (c *Checker) match(lane Lane, sequence, offset int64) {
	acks := c.unmatched[lane.Partition]
	for len(acks) > 0 && acks[0].Offset <= offset {
		ack := acks[0]
		acks = acks[1:]
		switch {
		case ack.Offset < offset:
			c.find(Lost, "%+v: the log has no such offset", ack)
		case ack.Lane != lane || ack.Sequence != sequence:
			c.find(Misplaced, "%+v: offset holds %v sequence %d", ack, lane, sequence)
		}
	}
	c.unmatched[lane.Partition] = acks
}

func (c *Checker) attempted(lane Lane) int64 {
	if highest, known := c.claims.Attempted[lane]; known {
		return highest
	}
	return -1
}

func (c *Checker) find(kind, format string, arguments ...any) {
	c.report.Findings[kind]++
	if len(c.report.Examples) < examplesKept {
		c.report.Examples = append(c.report.Examples, kind+": "+fmt.Sprintf(format, arguments...))
	}
}
