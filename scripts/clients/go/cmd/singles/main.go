// singles sends one record a request, one request in flight per connection, from many connections: hand-made Produce v7
// requests on plain sockets, so that the client costs little beside the broker. It checks every answer's error code.
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	bootstrap   = flag.String("bootstrap", "127.0.0.1:9092", "broker address")
	topic       = flag.String("topic", "singles", "topic; made when it does not exist")
	partitions  = flag.Int("partitions", 16, "partitions of the topic")
	connections = flag.Int("connections", 500, "connections")
	records     = flag.Int64("records", 100_000, "records in all")
	size        = flag.Int("size", 1024, "bytes of a value")
)

func main() {
	flag.Parse()
	createTopic()
	var sent atomic.Int64
	var all sync.WaitGroup
	sockets := make([]net.Conn, *connections)
	for i := range sockets {
		socket, err := net.Dial("tcp", *bootstrap)
		if err != nil {
			fail("connection %d: %v", i, err)
		}
		sockets[i] = socket
	}
	began := time.Now()
	for i, socket := range sockets {
		all.Add(1)
		go func() {
			defer all.Done()
			produce(socket, request(int32(i%*partitions)), &sent)
		}()
	}
	all.Wait()
	seconds := time.Since(began).Seconds()
	fmt.Printf("{\"records\": %d, \"seconds\": %.3f}\n", *records, seconds)
}

func produce(socket net.Conn, request []byte, sent *atomic.Int64) {
	defer socket.Close()
	answer := make([]byte, 4096)
	for correlation := uint32(1); sent.Add(1) <= *records; correlation++ {
		binary.BigEndian.PutUint32(request[8:], correlation)
		if _, err := socket.Write(request); err != nil {
			fail("send: %v", err)
		}
		if _, err := io.ReadFull(socket, answer[:4]); err != nil {
			fail("answer: %v", err)
		}
		body := answer[:min(binary.BigEndian.Uint32(answer), 4096)]
		if _, err := io.ReadFull(socket, body); err != nil {
			fail("answer: %v", err)
		}
		// correlation id, one topic (its name), one partition, error code
		at := 4 + 4 + 2 + len(*topic) + 4 + 4
		if len(body) < at+2 || binary.BigEndian.Uint32(body) != correlation || binary.BigEndian.Uint16(body[at:]) != 0 {
			fail("the broker answered % x", body)
		}
	}
}

// request is a whole Produce v7 frame for one record in one partition, acks=all.
func request(partition int32) []byte {
	b := binary.BigEndian
	record := []byte{0}              // attributes
	record = append(record, 0, 0, 1) // time delta, offset delta, key length -1
	record = binary.AppendVarint(record, int64(*size))
	value := make([]byte, *size)
	_, _ = rand.New(rand.NewSource(int64(partition))).Read(value)
	record = append(append(record, value...), 0) // no headers
	record = append(binary.AppendVarint(nil, int64(len(record))), record...)

	now := uint64(time.Now().UnixMilli())
	checked := b.AppendUint16(nil, 0)             // attributes
	checked = b.AppendUint32(checked, 0)          // last offset delta
	checked = b.AppendUint64(checked, now)        // first time
	checked = b.AppendUint64(checked, now)        // last time
	checked = b.AppendUint64(checked, ^uint64(0)) // producer id
	checked = b.AppendUint16(checked, 0xffff)     // epoch
	checked = b.AppendUint32(checked, ^uint32(0)) // first sequence
	checked = b.AppendUint32(checked, 1)          // records
	checked = append(checked, record...)

	batch := b.AppendUint64(nil, 0)                           // base offset
	batch = b.AppendUint32(batch, uint32(4+1+4+len(checked))) // length
	batch = b.AppendUint32(batch, ^uint32(0))                 // leader epoch
	batch = append(batch, 2)                                  // magic
	batch = b.AppendUint32(batch, crc32.Checksum(checked, crc32.MakeTable(crc32.Castagnoli)))
	batch = append(batch, checked...)

	body := b.AppendUint16(nil, 0) // Produce
	body = b.AppendUint16(body, 7) // version
	body = b.AppendUint32(body, 0) // correlation id, written per request
	body = append(b.AppendUint16(body, 7), "singles"...)
	body = b.AppendUint16(body, 0xffff) // no transactional id
	body = b.AppendUint16(body, 0xffff) // acks=all
	body = b.AppendUint32(body, 30_000) // timeout
	body = b.AppendUint32(body, 1)      // topics
	body = append(b.AppendUint16(body, uint16(len(*topic))), *topic...)
	body = b.AppendUint32(body, 1) // partitions
	body = b.AppendUint32(body, uint32(partition))
	body = append(b.AppendUint32(body, uint32(len(batch))), batch...)
	return append(b.AppendUint32(nil, uint32(len(body))), body...)
}

func createTopic() {
	client, err := kgo.NewClient(kgo.SeedBrokers(*bootstrap))
	if err != nil {
		fail("%v", err)
	}
	defer client.Close()
	limited, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(limited, int32(*partitions), 1, nil, *topic); err != nil && err != kerr.TopicAlreadyExists {
		fail("create %s: %v", *topic, err)
	}
	for ready := false; !ready; time.Sleep(20 * time.Millisecond) {
		listed, err := admin.ListEndOffsets(limited, *topic)
		ready = err == nil && listed.Error() == nil
		if limited.Err() != nil {
			fail("%s has no leaders", *topic)
		}
	}
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "singles: "+format+"\n", arguments...)
	os.Exit(1)
}
