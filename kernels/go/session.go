package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// stopTime is how long a run that is asked to stop may take before its context answers without it.
const stopTime = time.Second

// failure is what the client gets to know about a run that went wrong.
type failure struct {
	name, value string
	traceback   []string
}

func (f *failure) Error() string { return f.name + ": " + f.value }

// phase tells what a run is doing.
type phase struct{ compiling atomic.Bool }

// run is one execution. Whatever stops it (an interrupt, os.Exit) closes `stopped` once and says why.
type run struct {
	number  int64
	stopped chan struct{}
	once    sync.Once
	reason  *failure // valid once stopped is closed
}

func (r *run) stop(reason *failure) {
	r.once.Do(func() {
		r.reason = reason
		close(r.stopped)
	})
}

func (r *run) isStopped() bool {
	select {
	case <-r.stopped:
		return true
	default:
		return false
	}
}

// session is one context: its interpreter, its runs one after the other, and the channel to execd.
type session struct {
	link    *channel
	tools   toolchain
	engine  *engine
	signals chan os.Signal
	count   int
	// A goroutine that compiles for a run that was stopped; the interpreter is not free before it ends.
	compiler chan struct{}
	current  atomic.Pointer[run]
	active   atomic.Pointer[engine] // what runs the current code: engine, or one apart for a program

	displays     sync.Mutex
	displayed    int64
	acknowledged chan int64
}

func newSession(link *channel, tools toolchain, signals chan os.Signal) (*session, error) {
	s := &session{link: link, tools: tools, signals: signals, acknowledged: make(chan int64, 16)}
	var err error
	s.engine, err = newEngine(s)
	return s, err
}

// serve returns when execd ends the context.
func (s *session) serve() {
	requests := make(chan request)
	go func() {
		for {
			r, err := s.link.receive()
			if err != nil {
				os.Exit(0)
			}
			switch r.Type {
			case "execute_request":
				requests <- r
			case "display_ack":
				s.acknowledged <- r.Display
			}
		}
	}()
	for {
		select {
		case <-s.signals:
		case r := <-requests:
			s.execute(r)
		}
	}
}

func (s *session) execute(req request) {
	s.count++
	r := &run{number: req.Run, stopped: make(chan struct{})}
	for len(s.signals) > 0 {
		<-s.signals
	}
	for len(s.acknowledged) > 0 { // of a display that a stopped run did not wait for
		<-s.acknowledged
	}
	s.current.Store(r)
	s.active.Store(s.engine)
	s.send(message{"type": "execute_input", "run": r.number, "execution_count": s.count})

	// User code has a goroutine of its own: the one that we are in must take signals, whatever that code does.
	var data map[string]string
	var failed *failure
	finished := make(chan struct{})
	phase := &phase{}
	phase.compiling.Store(true)
	go func() {
		defer close(finished)
		data, failed = nil, &failure{name: "Goexit", value: "the goroutine of the run ended itself"}
		data, failed = s.evaluate(r, phase, req.Code)
	}()
	waiting := true
	for waiting {
		select {
		case <-finished:
			waiting = false
		case <-s.signals:
			r.stop(&failure{name: "Interrupted", value: "the run was interrupted"})
		case <-r.stopped:
			waiting = false
			s.active.Load().stop(finished)
		}
	}
	select {
	case <-finished:
		if r.isStopped() { // also when it ended by itself at the same time
			data, failed = nil, r.reason
		}
		s.finish(r, data, failed)
	default: // the goroutine lives on, its results are not ours to read
		s.finish(r, nil, s.unstoppable(r.reason, phase, finished))
	}
}

func (s *session) unstoppable(reason *failure, p *phase, finished chan struct{}) *failure {
	why := "it waits inside a function of the standard library that cannot be stopped, and goes on in the background"
	if p.compiling.Load() {
		why = "it is still being compiled, which cannot be stopped; the next run waits for that"
		s.compiler = finished
	}
	return &failure{name: reason.name, value: reason.value + "; " + why}
}

func (s *session) finish(r *run, data map[string]string, failed *failure) {
	s.current.Store(nil)
	status := "ok"
	if failed != nil {
		status = "error"
		trace := failed.traceback
		if len(trace) == 0 {
			trace = []string{failed.name + ": " + failed.value}
		}
		s.send(message{"type": "error", "run": r.number, "ename": failed.name,
			"evalue": clip(failed.value, valueLimit), "traceback": clipLines(trace)})
	} else if data != nil {
		s.send(message{"type": "execute_result", "run": r.number, "execution_count": s.count, "data": data})
	}
	s.send(message{"type": "execute_reply", "run": r.number, "status": status, "execution_count": s.count})
}

// evaluate runs a cell or a complete program to its end.
func (s *session) evaluate(r *run, p *phase, code string) (map[string]string, *failure) {
	code = strings.ToValidUTF8(strings.TrimPrefix(code, "\ufeff"), "\uFFFD")
	if s.compiler != nil {
		select {
		case <-s.compiler:
			s.compiler = nil
		case <-r.stopped:
			return nil, r.reason
		}
	}
	name := fmt.Sprintf("cell %d", s.count)
	s.engine.remember(name, code)
	whole, err := completeProgram(name, code)
	if err != nil {
		return nil, s.engine.compileFailure(err)
	}
	if whole && s.tools.program != "" {
		return nil, s.tools.run(r, code)
	}
	if whole {
		return nil, s.interpretProgram(r, p, name, code)
	}
	return s.engine.runCell(r, p, name, code)
}

// interpretProgram runs a complete program where there is no toolchain, apart from the names of the context.
func (s *session) interpretProgram(r *run, p *phase, name, code string) *failure {
	apart, err := newEngine(s)
	if err != nil {
		return &failure{name: "CompileError", value: err.Error()}
	}
	s.active.Store(apart)
	apart.remember(name, code)
	_, failed := apart.runCell(r, p, name, code)
	return failed
}

// send ends the process when execd is gone.
func (s *session) send(m message) {
	if s.link.send(m) != nil {
		os.Exit(1)
	}
}

// display shows a MIME bundle in the stream of the run. It waits for execd, so that what is printed next, on another
// way, comes behind.
func (s *session) display(data map[string]string) {
	r := s.current.Load()
	s.displays.Lock()
	defer s.displays.Unlock()
	if r == nil || r.isStopped() {
		return
	}
	s.displayed++
	s.send(message{"type": "display_data", "run": r.number, "data": limited(data), "display": s.displayed})
	for {
		select {
		case number := <-s.acknowledged:
			if number >= s.displayed {
				return
			}
		case <-r.stopped:
			return
		}
	}
}
