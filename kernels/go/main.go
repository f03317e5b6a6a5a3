// The Go worker of a code context: cells are interpreted (yaegi), complete programs are built and run by the Go
// toolchain of the image. It speaks the protocol of kernels/README.md: messages come on descriptor 3 and leave on 4,
// what code prints goes to descriptors 1 and 2, SIGINT to the process group interrupts a run.
//
// Started as: go-kernel [GO_PROGRAM VERSION], the toolchain for complete programs.
package main

import (
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
)

const (
	requestFd = 3
	messageFd = 4

	maxStack = 256 << 20 // endless recursion ends the process; with less memory than Go's usual 1 GB
)

func main() {
	for _, fd := range []int{requestFd, messageFd} {
		syscall.CloseOnExec(fd)
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT) // between runs they are dropped; programs that we start get the default
	debug.SetMaxStack(maxStack)

	tools := toolchain{version: strings.TrimPrefix(runtime.Version(), "go")}
	if len(os.Args) > 2 {
		tools = toolchain{program: os.Args[1], version: os.Args[2]}
	}
	link := newChannel(os.NewFile(requestFd, "requests"), os.NewFile(messageFd, "messages"))
	session, err := newSession(link, tools, signals)
	if err != nil {
		link.send(message{"type": "fatal", "message": "starting the Go interpreter: " + err.Error()})
		os.Exit(1)
	}
	link.send(message{"type": "ready", "pid": os.Getpid(), "version": tools.version})
	session.serve()
}
