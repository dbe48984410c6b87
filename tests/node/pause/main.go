// The process that does nothing: PID 1 of the node's namespaces, and of each Pod's.
//
// It reaps what its children leave behind, and ends at a SIGTERM or SIGINT.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM, syscall.SIGINT)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		reap()
	}
}

// One signal may stand for any number of children.
func reap() {
	for {
		pid, _ := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if pid <= 0 {
			return
		}
	}
}
