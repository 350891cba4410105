// Package scenario is what every Go client under test does: `CLIENT BOOTSTRAP [groups|transactions|admin]`.
package scenario

import (
	"fmt"
	"os"

	"millrace/clients/administration"
	"millrace/clients/groups"
	"millrace/clients/roundtrip"
	"millrace/clients/transactions"
)

// A Client is one library under test.
type Client interface {
	administration.Client
	transactions.Client
}

// Main runs the part that the command line names.
func Main(name string, client Client, codecs []string) {
	part := ""
	if len(os.Args) > 2 {
		part = os.Args[2]
	}
	switch part {
	case "":
		roundtrip.Run(name, client, codecs)
	case "groups":
		groups.Run(name, client)
	case "transactions":
		transactions.Run(name, client)
	case "admin":
		administration.Run(name, client)
	default:
		fmt.Println("there is no part", part)
		os.Exit(2)
	}
}
