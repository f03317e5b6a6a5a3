package main

import (
	"errors"
	"fmt"
	"go/scanner"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/traefik/yaegi/interp"
)

const (
	valueLimit     = 64 << 10
	tracebackLimit = 512 << 10
	maxCalls       = 50
)

// place is a position as the interpreter writes it: "cell 3/_.go:7:5".
var place = regexp.MustCompile(`(cell \d+)/_\.go:(\d+)(?::(\d+))?`)

// readable turns "cell 3/_.go:7:5" into "cell 3:7:5".
func readable(text string) string { return strings.ReplaceAll(text, "/"+sourceSuffix, "") }

// sourceLine is the line of a cell that a position names, with a mark below the column.
func (e *engine) sourceLine(text string) []string {
	found := place.FindStringSubmatch(text)
	if found == nil {
		return nil
	}
	lines := e.sources[found[1]]
	number, _ := strconv.Atoi(found[2])
	if number < 1 || number > len(lines) || len(lines[number-1]) > 500 {
		return nil
	}
	line := lines[number-1]
	shown := []string{"    " + line}
	if column, err := strconv.Atoi(found[3]); err == nil && column >= 1 && column <= len(line)+1 {
		indent := strings.Map(func(r rune) rune {
			if r == '\t' {
				return r
			}
			return ' '
		}, line[:column-1])
		shown = append(shown, "    "+indent+"^")
	}
	return shown
}

// compileFailure describes code that did not get to run.
func (e *engine) compileFailure(err error) *failure {
	var failed *failure
	if errors.As(err, &failed) {
		return failed
	}
	name := "CompileError"
	messages := []string{err.Error()}
	var list scanner.ErrorList
	var unsupported *unsupportedError
	switch {
	case errors.As(err, &list):
		name = "SyntaxError"
		messages = nil
		for _, one := range list[:min(len(list), 10)] {
			messages = append(messages, one.Error())
		}
	case errors.As(err, &unsupported):
		name = "Unsupported"
	}
	f := &failure{name: name, value: readable(messages[0])}
	for i, message := range messages {
		if i == 0 {
			message = name + ": " + message
		}
		f.traceback = append(append(f.traceback, readable(message)), e.sourceLine(message)...)
	}
	return f
}

// runFailure describes a panic.
func (e *engine) runFailure(err error) *failure {
	var failed *failure
	var panicked interp.Panic
	if !errors.As(err, &panicked) {
		return e.compileFailure(err)
	}
	value := fmt.Sprint(panicked.Value)
	if cause, ok := panicked.Value.(error); ok {
		if errors.As(cause, &failed) {
			return failed
		}
		value = cause.Error()
		if misuse := (*reflect.ValueError)(nil); errors.As(cause, &misuse) && misuse.Kind == reflect.Invalid {
			value = "runtime error: invalid memory address or nil pointer dereference" // as compiled code says it
		}
	}
	f := &failure{name: "panic", value: readable(value)}
	f.traceback = append(f.traceback, "panic: "+f.value)
	for _, call := range e.calls.take() {
		f.traceback = append(append(f.traceback, call.text), e.sourceLine(call.place)...)
	}
	return f
}

// callLog takes what the interpreter writes about frames that a panic unwinds, innermost first.
type callLog struct {
	mutex sync.Mutex
	calls []call
}

type call struct{ place, text string }

var unwound = regexp.MustCompile(`^(.*?): panic: (.*)\(\.\.\.\)$`)

func (c *callLog) Write(text []byte) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, line := range strings.Split(strings.TrimRight(string(text), "\n"), "\n") {
		if found := unwound.FindStringSubmatch(line); found != nil && len(c.calls) < maxCalls {
			function := found[2]
			if function == "main" {
				function = "cell"
			}
			c.calls = append(c.calls, call{found[1], "  at " + function + " (" + readable(found[1]) + ")"})
		}
	}
	return len(text), nil
}

func (c *callLog) reset() { c.take() }

func (c *callLog) take() []call {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	calls := c.calls
	c.calls = nil
	return calls
}

func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return fmt.Sprintf("%s\n[cut: %d of %d bytes are shown]", strings.ToValidUTF8(text[:limit], ""), limit, len(text))
}

func clipLines(lines []string) []string {
	room := tracebackLimit
	for i, line := range lines {
		if len(line) > room {
			return append(append([]string{}, lines[:i]...), clip(line, min(room, valueLimit)), "[traceback cut]")
		}
		room -= len(line)
	}
	return lines
}
