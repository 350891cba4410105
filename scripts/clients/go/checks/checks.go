// Package checks makes the steps of a test one after the other and tells what came of them.
package checks

import (
	"fmt"
	"os"
	"time"
)

// Patience is how long a step waits for what must come.
const Patience = 90 * time.Second

// A Step is one check; an error is its failure.
type Step struct {
	What string
	Do   func() error
}

// Run makes all steps; it ends the process when one has failed.
func Run(name string, steps []Step) {
	failed := 0
	for _, step := range steps {
		if err := step.Do(); err != nil {
			failed++
			fmt.Printf("FAIL %s: %s: %v\n", name, step.What, err)
			continue
		}
		fmt.Printf("ok   %s: %s\n", name, step.What)
	}
	fmt.Printf("%s: %d passed, %d failed\n", name, len(steps)-failed, failed)
	if failed > 0 || len(steps) == 0 {
		os.Exit(1)
	}
}

// Until asks until the answer is the wanted one: what was acknowledged may be seen a moment later.
func Until[T comparable](wanted T, ask func() (T, error)) error {
	deadline := time.Now().Add(Patience)
	for {
		found, err := ask()
		if err == nil && found == wanted {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%v instead of %v (%v)", found, wanted, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
