package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// toolchain is a Go of the image; without a program it is only the version of the worker itself.
type toolchain struct {
	program string // path of go
	version string
}

// root is its GOROOT, or empty.
func (t toolchain) root() string {
	if t.program == "" {
		return ""
	}
	return filepath.Dir(filepath.Dir(t.program))
}

const programName = "prog.go"

// run builds a complete program and runs it in the working directory of the context. Both are children in our process
// group: signals reach them, and they end with the context.
func (t toolchain) run(r *run, code string) *failure {
	dir, err := os.MkdirTemp("", "go-program-")
	if err != nil {
		return &failure{name: "OSError", value: "making a directory for the program: " + err.Error()}
	}
	defer os.RemoveAll(dir)
	source, binary := filepath.Join(dir, programName), filepath.Join(dir, "prog")
	if err := os.WriteFile(source, []byte(code), 0o600); err != nil {
		return &failure{name: "OSError", value: "writing the program: " + err.Error()}
	}
	if failed := t.build(r, dir, source, binary); failed != nil {
		return failed
	}
	program := exec.Command(binary)
	program.Stdout, program.Stderr = os.Stdout, os.Stderr
	err = wait(r, program)
	var status *exec.ExitError
	switch {
	case r.isStopped():
		return r.reason
	case errors.As(err, &status):
		return &failure{name: "ExitError", value: status.Error()}
	case err != nil:
		return &failure{name: "OSError", value: "running the program: " + err.Error()}
	}
	return nil
}

func (t toolchain) build(r *run, dir, source, binary string) *failure {
	environment := t.environment()
	build := exec.Command(t.program, "build", "-o", binary, source)
	if moduleRoot(".") == "" {
		// Outside of a module only the standard library can be imported. This one takes what the image has.
		module := fmt.Sprintf("module program\n\ngo %s\n", majorMinor(t.version))
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(module), 0o600); err != nil {
			return &failure{name: "OSError", value: "writing the module: " + err.Error()}
		}
		build.Dir = dir
		environment = append(environment, "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -mod=mod"))
	}
	build.Env = environment
	var output bytes.Buffer
	build.Stdout, build.Stderr = &output, &output
	err := wait(r, build)
	if r.isStopped() {
		return r.reason
	}
	if err == nil {
		return nil
	}
	return buildFailure(err, output.String(), dir)
}

// environment is that of the go command: modules come from the cache of the image unless a proxy is named, and the
// build cache must not be trimmed because the image is older than a few days.
func (t toolchain) environment() []string {
	env := append(os.Environ(), "GOTOOLCHAIN=local", "GOROOT="+t.root())
	if os.Getenv("GOPROXY") == "" {
		env = append(env, "GOPROXY=file://"+filepath.Join(moduleCache(), "cache", "download"), "GOSUMDB=off")
	}
	cache := os.Getenv("GOCACHE")
	if home, err := os.UserCacheDir(); cache == "" && err == nil {
		cache = filepath.Join(home, "go-build")
	} else if cache == "" {
		cache = filepath.Join(os.TempDir(), fmt.Sprintf("go-build-%d", os.Getuid()))
		env = append(env, "GOCACHE="+cache)
	}
	if _, err := os.Stat(cache); err == nil {
		os.WriteFile(filepath.Join(cache, "trim.txt"), []byte(strconv.FormatInt(time.Now().Unix(), 10)), 0o666)
	}
	return env
}

// wait runs a command. When the run is stopped the command has got the interrupt, too; it is ended if it goes on.
func wait(r *run, command *exec.Cmd) error {
	if r.isStopped() {
		return errors.New("stopped")
	}
	if err := command.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-ended:
			return
		case <-r.stopped:
		}
		select {
		case <-ended:
		case <-time.After(stopTime / 2):
			command.Process.Signal(syscall.SIGKILL)
		}
	}()
	return command.Wait()
}

var buildPlace = regexp.MustCompile(`^(?:\S*/)?` + regexp.QuoteMeta(programName) + `:`)

// buildFailure describes what the compiler says, with the first mistake as the value.
func buildFailure(err error, output, dir string) *failure {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(output), "\n") {
		if line == "" || strings.HasPrefix(line, "# ") {
			continue
		}
		line = strings.ReplaceAll(buildPlace.ReplaceAllString(line, programName+":"), dir+"/", "")
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		lines = []string{err.Error()}
	}
	return &failure{name: "CompileError", value: lines[0], traceback: append([]string{"CompileError:"}, lines...)}
}

func majorMinor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return "1.21"
	}
	minor := strings.TrimRightFunc(parts[1], func(r rune) bool { return r < '0' || r > '9' })
	if at := strings.IndexFunc(minor, func(r rune) bool { return r < '0' || r > '9' }); at > 0 {
		minor = minor[:at] // 1.24rc1
	}
	return parts[0] + "." + minor
}
