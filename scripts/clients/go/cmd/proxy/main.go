// proxy forwards TCP connections to a broker and cuts those that produce, at random places. It prints `listening PORT`,
// then `cut N: how` for every cut; after the last one it only forwards. The broker must advertise the proxy's address.
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"sync"
	"time"
)

var (
	listen = flag.String("listen", "127.0.0.1:0", "address to listen on")
	target = flag.String("target", "127.0.0.1:9092", "broker")
	cuts   = flag.Int("cuts", 100, "number of cuts")
	seed   = flag.Int64("seed", 1, "seed of the choice of places")
)

const (
	produce     = 0     // api key
	maxRequests = 12    // a connection survives at most so many produce requests
	apiKeyEnd   = 4 + 2 // size, api key
)

// A place to cut one connection: in the n-th produce request, or in its answer.
type place struct {
	request  int
	inAnswer bool
	bytes    int // bytes of the request, or of everything the broker says from then on, that still pass
	reset    bool
}

// chooser hands out the places and counts the cuts that were made.
type chooser struct {
	mutex  sync.Mutex
	random *rand.Rand
	made   int
}

func (c *chooser) next() *place {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.made >= *cuts {
		return nil
	}
	p := &place{request: 1 + c.random.Intn(maxRequests), inAnswer: c.random.Intn(2) == 0, reset: c.random.Intn(2) == 0}
	if p.inAnswer {
		// Half the time the broker gets the whole request and the client hears nothing: the case that makes duplicates.
		p.bytes = max(0, c.random.Intn(80)-40)
	} else {
		p.bytes = c.random.Intn(3000)
	}
	return p
}

func (c *chooser) cut(p *place) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.made >= *cuts {
		return
	}
	c.made++
	where := "a request"
	if p.inAnswer {
		where = "an answer"
	}
	fmt.Printf("cut %d: produce request %d, after %d bytes of %s, reset %t\n", c.made, p.request, p.bytes, where, p.reset)
}

func main() {
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Fprintf(os.Stderr, "proxy: %v\n", err)
		os.Exit(2)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	choose := &chooser{random: rand.New(rand.NewSource(*seed))}
	for {
		client, err := listener.Accept()
		if err != nil {
			continue
		}
		go func() {
			broker, err := net.Dial("tcp", *target)
			if err != nil {
				_ = client.Close()
				return
			}
			c := &connection{client: client.(*net.TCPConn), broker: broker.(*net.TCPConn), choose: choose, place: choose.next()}
			go c.answers()
			c.requests()
		}()
	}
}

type connection struct {
	client, broker *net.TCPConn
	choose         *chooser
	place          *place // nil: forward only
	once           sync.Once

	mutex  sync.Mutex
	armed  bool // the request before the cut answer has passed
	budget int  // bytes of answers that may still pass when armed
}

// requests forwards whole frames, so that it knows where a produce request begins.
func (c *connection) requests() {
	defer c.close(false)
	head := make([]byte, apiKeyEnd)
	for produced := 0; ; {
		if _, err := io.ReadFull(c.client, head); err != nil {
			return
		}
		left := int64(binary.BigEndian.Uint32(head)) + 4 - apiKeyEnd
		if binary.BigEndian.Uint16(head[4:]) == produce {
			produced++
		}
		here := c.place != nil && produced == c.place.request && binary.BigEndian.Uint16(head[4:]) == produce
		if here && !c.place.inAnswer {
			_, _ = c.broker.Write(head)
			_, _ = io.CopyN(c.broker, c.client, min(left, int64(c.place.bytes)))
			c.close(true)
			return
		}
		if here {
			c.arm()
		}
		if _, err := c.broker.Write(head); err != nil {
			return
		}
		if _, err := io.CopyN(c.broker, c.client, left); err != nil {
			return
		}
	}
}

func (c *connection) arm() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.armed = true
	c.budget = c.place.bytes
}

func (c *connection) answers() {
	defer c.close(false)
	buffer := make([]byte, 1<<16)
	for {
		count, err := c.broker.Read(buffer)
		if err != nil {
			return
		}
		allowed, cut := c.allow(count)
		if _, err := c.client.Write(buffer[:allowed]); err != nil {
			return
		}
		if cut {
			c.close(true)
			return
		}
	}
}

func (c *connection) allow(count int) (int, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if !c.armed || count <= c.budget {
		if c.armed {
			c.budget -= count
		}
		return count, false
	}
	return c.budget, true
}

// close ends both sides: a cut is counted, and is a reset or a plain close.
func (c *connection) close(cut bool) {
	c.once.Do(func() {
		if cut {
			c.choose.cut(c.place)
			if c.place.reset {
				_ = c.client.SetLinger(0)
				_ = c.broker.SetLinger(0)
			}
		}
		_ = c.client.Close()
		// The broker may still be reading what passed: give a plain close the time that a network would.
		time.Sleep(time.Millisecond)
		_ = c.broker.Close()
	})
}
