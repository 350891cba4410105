package history

import (
	"math/rand"
	"strings"
	"testing"
)

type entry struct {
	offset int64
	value  []byte
}

// log is a small topic that keeps every rule, with the history lines that go with it.
type log struct {
	lines      []string
	partitions map[int32][]entry
}

func (l *log) check(t *testing.T) Report {
	t.Helper()
	claims := NewClaims()
	if err := claims.read(strings.NewReader(strings.Join(l.lines, "\n") + "\n")); err != nil {
		t.Fatal(err)
	}
	checker := NewChecker(claims)
	for partition, entries := range l.partitions {
		for _, e := range entries {
			checker.Record(partition, e.offset, e.value)
		}
	}
	return checker.Finish()
}

func expect(t *testing.T, history string, values []entry, kinds ...string) {
	t.Helper()
	l := log{lines: strings.Split(strings.TrimSpace(history), "\n"), partitions: map[int32][]entry{0: values}}
	report := l.check(t)
	for _, kind := range kinds {
		if report.Findings[kind] == 0 {
			t.Errorf("no finding of kind %s: %+v", kind, report)
		}
		delete(report.Findings, kind)
	}
	if len(report.Findings) > 0 {
		t.Errorf("findings nobody planted: %+v", report)
	}
}

func one(producer int32, sequence, offset int64) entry {
	return entry{offset, Value(Lane{producer, 0}, sequence)}
}

const twoAcked = "P 1 idempotent\nA 1 0 9\nK 1 0 0 0\nK 1 0 1 1"

func TestAcceptsRecordsThatWereNeverAcknowledged(t *testing.T) {
	expect(t, twoAcked, []entry{one(1, 0, 0), one(1, 1, 1), one(1, 2, 2)})
}

func TestFindsAnAcknowledgedRecordMissingAtTheEnd(t *testing.T) {
	expect(t, twoAcked, []entry{one(1, 0, 0)}, Lost)
}

func TestFindsAnAcknowledgedRecordMissingInTheMiddle(t *testing.T) {
	expect(t, twoAcked, []entry{one(1, 1, 1), one(1, 2, 2)}, Lost, Gap, Hole)
}

func TestFindsALostRecordWhoseAcknowledgementHadNoOffset(t *testing.T) {
	expect(t, "P 1 idempotent\nA 1 0 9\nK 1 0 0 0\nK 1 0 1 -1", []entry{one(1, 0, 0)}, Lost)
}

func TestFindsADuplicateOfAnIdempotentProducer(t *testing.T) {
	expect(t, twoAcked, []entry{one(1, 0, 0), one(1, 1, 1), one(1, 1, 2)}, Duplicate)
}

func TestAcceptsABatchThatAPlainProducerSentAgain(t *testing.T) {
	history := strings.Replace(twoAcked, "idempotent", "plain", 1)
	expect(t, history, []entry{one(1, 0, 0), one(1, 1, 1), one(1, 0, 2), one(1, 1, 3), one(1, 2, 4)})
}

func TestFindsAGapOfAPlainProducer(t *testing.T) {
	history := strings.Replace(twoAcked, "idempotent", "plain", 1)
	expect(t, history, []entry{one(1, 0, 0), one(1, 1, 1), one(1, 3, 2)}, Gap)
}

func TestFindsRecordsThatNobodySent(t *testing.T) {
	broken := one(1, 2, 2)
	broken.value[len(broken.value)/2] ^= 1
	expect(t, twoAcked, []entry{one(1, 0, 0), one(1, 1, 1), broken}, Phantom)
	expect(t, twoAcked, []entry{one(1, 0, 0), one(1, 1, 1), {2, make([]byte, 40)}}, Phantom)
	expect(t, twoAcked, []entry{one(1, 0, 0), one(1, 1, 1), one(2, 0, 2)}, Phantom)
	expect(t, twoAcked, []entry{one(1, 0, 0), one(1, 1, 1), {2, Value(Lane{1, 5}, 2)}}, Phantom)
	expect(t, "P 1 plain\nA 1 0 1", []entry{one(1, 0, 0), one(1, 1, 1), one(1, 2, 2)}, Phantom)
	expect(t, "P 1 plain\nA 1 0 0\nK 1 0 7 -1", []entry{one(1, 0, 0)}, Phantom, Lost)
}

func TestFindsAnAcknowledgementOfAnotherRecord(t *testing.T) {
	history := "P 1 plain\nP 2 plain\nA 1 0 9\nA 2 0 9\nK 1 0 0 1"
	expect(t, history, []entry{one(1, 0, 0), one(2, 0, 1)}, Misplaced)
	expect(t, history+"\nK 2 0 0 1", []entry{one(1, 0, 0), one(2, 0, 1)}, Misplaced, Contradicted)
}

func TestFindsARefusedRecord(t *testing.T) {
	expect(t, twoAcked+"\nF 1 0 2 out of order", []entry{one(1, 0, 0), one(1, 1, 1)}, Refused)
}

func TestSkipsTheUnterminatedLineOfAKilledClient(t *testing.T) {
	claims := NewClaims()
	if err := claims.read(strings.NewReader(twoAcked + "\nK 1 0 2")); err != nil || claims.Acked != 1+1 {
		t.Errorf("%v, %d acknowledged", err, claims.Acked)
	}
	if err := NewClaims().read(strings.NewReader("nonsense\n")); err == nil {
		t.Error("accepted a line without meaning")
	}
}

// good builds a topic in which three producers interleave over four partitions; the last tenth is not acknowledged.
func good(random *rand.Rand) *log {
	l := &log{lines: []string{"P 1 idempotent", "P 2 idempotent", "P 3 idempotent"}, partitions: map[int32][]entry{}}
	next := map[Lane]int64{}
	for i := range 400 {
		lane := Lane{1 + random.Int31n(3), random.Int31n(4)}
		sequence := next[lane]
		next[lane]++
		offset := int64(len(l.partitions[lane.Partition]))
		l.partitions[lane.Partition] = append(l.partitions[lane.Partition], entry{offset, Value(lane, sequence)})
		l.lines = append(l.lines, Line("A", lane, sequence))
		if i < 360 {
			l.lines = append(l.lines, Line("K", lane, sequence, offset))
		}
	}
	return l
}

// mutate breaks the log in one place, within the acknowledged part, and says how.
func mutate(l *log, random *rand.Rand) string {
	partition := random.Int31n(4)
	entries := l.partitions[partition]
	at := random.Intn(len(entries) / 2)
	switch random.Intn(6) {
	case 0:
		entries = append(entries[:at], entries[at+1:]...)
		l.partitions[partition] = renumber(entries)
		return "a record dropped, the rest moved up"
	case 1:
		l.partitions[partition] = append(entries[:at], entries[at+1:]...)
		return "a record dropped"
	case 2:
		again := append([]entry{entries[at]}, entries[at:]...)
		l.partitions[partition] = renumber(append(entries[:at:at], again...))
		return "a record doubled"
	case 3:
		entries[at].value, entries[at+1].value = entries[at+1].value, entries[at].value
		return "two records swapped"
	case 4:
		entries[at].value[random.Intn(len(entries[at].value))] ^= 1 << random.Intn(8)
		return "a bit flipped"
	default:
		l.partitions[partition] = entries[:at]
		return "the end cut off"
	}
}

func TestFindsEverySeededCorruption(t *testing.T) {
	for seed := range int64(2000) {
		random := rand.New(rand.NewSource(seed))
		l := good(random)
		if report := l.check(t); len(report.Findings) > 0 {
			t.Fatalf("seed %d: findings in a good log: %+v", seed, report)
		}
		how := mutate(l, random)
		if report := l.check(t); len(report.Findings) == 0 {
			t.Errorf("seed %d: %s, and not found", seed, how)
		}
	}
}

func renumber(entries []entry) []entry {
	numbered := make([]entry, len(entries))
	for i, e := range entries {
		numbered[i] = entry{int64(i), e.value}
	}
	return numbered
}
