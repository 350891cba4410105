package main

import (
	"context"
	"errors"
	"net"
	"sync"
)

// A link is a member's connections; once cut, nothing goes out and nothing new is opened, as when a machine dies.
type link struct {
	lock        sync.Mutex
	connections []net.Conn
	dead        bool
}

func newLink() *link { return &link{} }

func (l *link) dial(limited context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	connection, err := dialer.DialContext(limited, network, address)
	if err != nil {
		return nil, err
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.dead {
		connection.Close()
		return nil, errors.New("cut off")
	}
	l.connections = append(l.connections, connection)
	return connection, nil
}

func (l *link) cut() {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.dead = true
	for _, connection := range l.connections {
		connection.Close()
	}
}

func (l *link) isCut() bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.dead
}
