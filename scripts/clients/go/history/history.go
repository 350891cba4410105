// Package history holds what producers claim (attempts and acknowledgements, one line each in a file) and the
// rules that a partition's log must keep against those claims. It talks to no broker.
package history

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// A Lane is one producer's stream of records into one partition; its sequence starts at 0 and never skips.
type Lane struct {
	Producer  int32
	Partition int32
}

// An Ack says that the broker acknowledged a record, and where it put it (-1: it did not say).
type Ack struct {
	Lane
	Sequence int64
	Offset   int64
}

// Claims is everything that the history files of one topic say.
type Claims struct {
	Idempotent map[int32]bool
	Attempted  map[Lane]int64 // highest sequence that may have been sent
	Acks       map[int32][]Ack
	Refusals   []string
	Acked      int64
}

// NewClaims returns claims without content.
func NewClaims() *Claims {
	return &Claims{Idempotent: map[int32]bool{}, Attempted: map[Lane]int64{}, Acks: map[int32][]Ack{}}
}

// ReadFiles merges the history files; an unterminated last line is what a killed client left, and is skipped.
func ReadFiles(names []string) (*Claims, error) {
	claims := NewClaims()
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		err = claims.read(file)
		_ = file.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return claims, nil
}

func (c *Claims) read(source io.Reader) error {
	lines := bufio.NewReaderSize(source, 1<<20)
	for number := 1; ; number++ {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = c.Add(strings.TrimSuffix(line, "\n"))
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
}

// Add takes one line: `P producer idempotent|plain`, `A producer partition highest`,
// `K producer partition sequence offset`, `F producer partition sequence reason`.
func (c *Claims) Add(line string) error {
	kind, rest, _ := strings.Cut(line, " ")
	if kind == "P" {
		producer, mode, _ := strings.Cut(rest, " ")
		id, err := strconv.ParseInt(producer, 10, 32)
		c.Idempotent[int32(id)] = mode == "idempotent"
		return err
	}
	if kind == "F" {
		c.Refusals = append(c.Refusals, rest)
		return nil
	}
	fields := strings.Fields(rest)
	numbers := make([]int64, len(fields))
	for i, field := range fields {
		number, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return err
		}
		numbers[i] = number
	}
	switch {
	case kind == "A" && len(numbers) == 3:
		lane := Lane{int32(numbers[0]), int32(numbers[1])}
		c.Attempted[lane] = max(c.Attempted[lane], numbers[2])
	case kind == "K" && len(numbers) == 4:
		ack := Ack{Lane{int32(numbers[0]), int32(numbers[1])}, numbers[2], numbers[3]}
		c.Acks[ack.Partition] = append(c.Acks[ack.Partition], ack)
		c.Acked++
	default:
		return fmt.Errorf("not a history line: %q", line)
	}
	return nil
}

// Line writes one history line without its end.
func Line(kind string, lane Lane, numbers ...int64) string {
	line := append([]byte(kind), ' ')
	line = strconv.AppendInt(line, int64(lane.Producer), 10)
	line = strconv.AppendInt(append(line, ' '), int64(lane.Partition), 10)
	for _, number := range numbers {
		line = strconv.AppendInt(append(line, ' '), number, 10)
	}
	return string(line)
}
