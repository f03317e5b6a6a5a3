package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/scanner"
	"go/token"
	"io"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/traefik/yaegi/interp"
)

// engine is an interpreter with the declarations of all cells so far. A cell is compiled as a whole before any of it
// runs, so a mistake in its last line leaves everything as it was.
type engine struct {
	session *session
	interp  *interp.Interpreter
	scope   scope
	calls   *callLog
	sources map[string][]string // lines of a cell, by its name
	latest  map[string]*unit    // declarations that count, by the name that they declare
	values  []any               // of the last expression
}

func newEngine(s *session) (*engine, error) {
	e := &engine{session: s, calls: &callLog{}, sources: map[string][]string{}, latest: map[string]*unit{}}
	e.interp = interp.New(interp.Options{
		GoPath:               gopathOfCells,
		SourcecodeFilesystem: newModules(s.tools),
		Args:                 []string{"main"},
		Stderr:               e.calls,
		Unrestricted:         true,
	})
	if err := e.use(); err != nil {
		return nil, err
	}
	var err error
	e.scope, err = newScope(e.interp)
	if err != nil {
		return nil, err
	}
	if _, err = e.interp.Compile(slicesPrelude); err == nil {
		_, err = e.interp.Eval(prelude)
	}
	return e, err
}

func (e *engine) remember(cell, code string) { e.sources[cell] = strings.Split(code, "\n") }

// stop ends all interpreted code, also that of goroutines, and wakes it from channels. It returns when the run ended or
// stopTime has passed. What code made before can be used on.
func (e *engine) stop(finished chan struct{}) {
	id := atomic.AddUint64(e.scope.id, 1)
	limit, again := time.After(stopTime), time.After(stopTime/5)
	for wait := time.Millisecond; ; {
		select {
		case e.scope.done <- struct{}{}:
		case <-finished:
			atomic.StoreUint64(e.scope.id, id-1)
			return
		case <-again:
			interruptChildren()
		case <-limit:
			// Where this run wakes up later, it would go on. It is alone in the frame of a function then.
			atomic.StoreUint64(e.scope.id, id-1)
			return
		case <-time.After(wait):
		}
	}
}

// interruptChildren reaches programs that were just being started when the interrupt came.
func interruptChildren() {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				syscall.Kill(pid, syscall.SIGINT)
			}
		}
	}
}

// step is something compiled: one statement, or declarations that may refer to each other.
type step struct {
	program *interp.Program
	u       *unit
	result  bool // gives the result of the cell
}

func (e *engine) runCell(r *run, p *phase, cell, code string) (map[string]string, *failure) {
	p.compiling.Store(true)
	steps, err := e.compile(r, cell, code)
	if err != nil {
		return nil, e.compileFailure(err)
	}
	p.compiling.Store(false)
	e.calls.reset()
	e.values = nil
	var failed *failure
	var bundle map[string]string
	for _, s := range steps {
		if r.isStopped() {
			return nil, r.reason
		}
		if failed != nil && s.u.kind != deferred {
			continue
		}
		_, err := e.interp.Execute(s.program)
		if r.isStopped() {
			return nil, r.reason
		}
		if err != nil && failed == nil {
			failed = e.runFailure(err)
		}
		if s.result && failed == nil {
			bundle = bundleOf(e.values)
		}
	}
	e.values = nil
	if failed != nil {
		return nil, failed
	}
	return bundle, nil
}

// compile makes the steps of a cell; if it fails no name has changed.
func (e *engine) compile(r *run, cell, code string) ([]step, error) {
	units, err := unitsOf(e.interp.FileSet(), cell, code)
	if err != nil {
		return nil, err
	}
	// Functions of earlier cells follow what they call: they are compiled anew, too, unless that is no longer possible.
	followers := e.followers(units)
	steps, err := e.attempt(r, append(followers, units...))
	if err != nil && len(followers) > 0 && !r.isStopped() {
		steps, err = e.attempt(r, units)
	}
	if err != nil {
		return nil, err
	}
	for _, u := range units {
		for _, name := range u.names {
			delete(e.latest, name)
			if u.kind == declaration {
				e.latest[name] = u
			}
		}
	}
	return steps, nil
}

// followers returns the earlier declarations that refer, also by others, to names that are declared anew.
func (e *engine) followers(units []*unit) []*unit {
	changed := map[string]bool{}
	for _, u := range units {
		for _, name := range u.names {
			if name, _, _ = strings.Cut(name, "."); e.scope.has(name) {
				changed[name] = true
			}
		}
	}
	declared := map[string]bool{}
	for _, u := range units {
		for _, name := range u.names {
			declared[name] = true
		}
	}
	var found []*unit
	taken := map[*unit]bool{}
	for again := len(changed) > 0; again; {
		again = false
		for name, u := range e.latest {
			if taken[u] || declared[name] {
				continue
			}
			for changedName := range changed {
				if !u.refs[changedName] {
					continue
				}
				taken[u], again = true, true
				found = append(found, u)
				for _, other := range u.names {
					if other, _, method := strings.Cut(other, "."); !method {
						changed[other] = true
					}
				}
				break
			}
		}
	}
	return found
}

func (e *engine) attempt(r *run, units []*unit) (steps []step, err error) {
	undo := []func(){e.scope.save()}
	defer func() {
		if err != nil {
			for _, u := range undo {
				u()
			}
		}
	}()
	if err := e.importUsed(units); err != nil {
		return nil, err
	}
	sorted := inOrder(units)
	for i := 0; i < len(sorted); {
		if r.isStopped() {
			return nil, errors.New("stopped")
		}
		u := sorted[i]
		group := []*unit{u}
		for i++; (u.kind == declaration || isFileOf(u, variables)) && i < len(sorted) && sorted[i].kind == u.kind &&
			isFileOf(sorted[i], u.kind); i++ {
			group = append(group, sorted[i])
		}
		for _, g := range group {
			undo = append(undo, e.forget(g)...)
		}
		s, err := e.compileGroup(group)
		if err != nil {
			return nil, err
		}
		if u.kind == entry {
			e.scope.remove("main") // else every later declaration would call it again
		}
		if s.program != nil {
			steps = append(steps, s)
		}
	}
	return steps, nil
}

func isFileOf(u *unit, k kind) bool {
	_, file := u.node.(*ast.File)
	return file && u.kind == k
}

// forget makes room for a declaration.
func (e *engine) forget(u *unit) (undo []func()) {
	_, file := u.node.(*ast.File)
	for _, name := range u.names {
		if strings.Contains(name, ".") {
			undo = append(undo, e.scope.removeMethod(name))
			continue
		}
		e.scope.remove(importKey(name))
		if file || e.latest[name] != nil { // a variable that := declares again keeps its place if its type stays
			e.scope.remove(name)
		}
	}
	return undo
}

func (e *engine) compileGroup(group []*unit) (step, error) {
	u := group[0]
	switch node := u.node.(type) {
	case *ast.File:
		merged := *node
		merged.Decls = nil
		for _, g := range group {
			merged.Decls = append(merged.Decls, g.node.(*ast.File).Decls...)
		}
		program, err := e.compileNode(&merged)
		return step{program: program, u: u}, err
	case *ast.BlockStmt:
		if u.kind == expression && !u.silent && len(node.List) == 1 {
			value := node.List[0].(*ast.ExprStmt)
			shown := *node
			shown.List = []ast.Stmt{&ast.ExprStmt{X: &ast.CallExpr{
				Fun: &ast.Ident{Name: resultFunction, NamePos: value.Pos()}, Lparen: value.Pos(),
				Args: []ast.Expr{value.X}, Rparen: value.End(),
			}}}
			if program, err := e.compileNode(&shown); err == nil {
				return step{program: program, u: u, result: true}, nil
			}
			// A call that gives nothing, or a mistake.
		}
		program, err := e.compileNode(node)
		return step{program: program, u: u}, err
	}
	return step{}, fmt.Errorf("unexpected %T", u.node)
}

// compileNode compiles one piece; what yaegi cannot handle makes it panic.
func (e *engine) compileNode(node ast.Node) (*interp.Program, error) {
	program, err := e.compileOnce(node)
	for redeclared := 0; err != nil && redeclared < 100; redeclared++ {
		// An import under a name that another one has; the new one counts.
		name, found := strings.CutSuffix(errorText(err), "/"+sourceSuffix+" redeclared in this block")
		if !found {
			break
		}
		e.scope.remove(importKey(name[strings.LastIndexByte(name, ' ')+1:]))
		program, err = e.compileOnce(node)
	}
	if unsupported := (*unsupportedError)(nil); errors.As(err, &unsupported) {
		if ranged, again := e.compileRanges(node); again == nil {
			return ranged, nil
		}
	}
	return program, err
}

// unsupportedError is a panic of the compiler.
type unsupportedError struct {
	cause any
	pos   token.Position
}

func (u *unsupportedError) Error() string {
	return fmt.Sprintf("%s: the interpreter of cells cannot handle this code (%v); "+
		"a complete program (package main, func main) is compiled instead", u.pos, u.cause)
}

func (e *engine) compileOnce(node ast.Node) (program *interp.Program, err error) {
	defer func() {
		if r := recover(); r != nil {
			program, err = nil, &unsupportedError{r, e.interp.FileSet().Position(firstPos(node))}
		}
	}()
	// Before it panics the compiler logs why.
	defer log.SetOutput(log.Writer())
	log.SetOutput(io.Discard)
	return e.interp.CompileAST(node)
}

func firstPos(node ast.Node) token.Pos {
	switch n := node.(type) {
	case *ast.File:
		if len(n.Decls) > 0 {
			return n.Decls[0].Pos()
		}
	case *ast.BlockStmt:
		if len(n.List) > 0 {
			return n.List[0].Pos()
		}
	}
	return node.Pos()
}

// maxRanges bounds the loops of one piece of code that are tried both ways.
const maxRanges = 6

// compileRanges compiles code that has loops over integers (Go 1.22), which yaegi does not know: `range n` becomes
// `range make([]struct{}, n)`, which takes no memory and means the same. Which loops are meant only the types tell, so
// all combinations are tried.
func (e *engine) compileRanges(node ast.Node) (*interp.Program, error) {
	var loops []*ast.RangeStmt
	ast.Inspect(node, func(n ast.Node) bool {
		if loop, ok := n.(*ast.RangeStmt); ok && loop.Value == nil {
			if _, literal := loop.X.(*ast.CompositeLit); !literal {
				loops = append(loops, loop)
			}
		}
		return true
	})
	if len(loops) == 0 || len(loops) > maxRanges {
		return nil, errors.New("no loop over an integer")
	}
	type form struct {
		key ast.Expr
		tok token.Token
		x   ast.Expr
	}
	var original []form
	for _, loop := range loops {
		original = append(original, form{loop.Key, loop.Tok, loop.X})
	}
	for choice := 1<<len(loops) - 1; choice > 0; choice-- {
		for i, loop := range loops {
			loop.Key, loop.Tok, loop.X = original[i].key, original[i].tok, original[i].x
			if choice&(1<<i) == 0 {
				continue
			}
			at := loop.X.Pos()
			if loop.Key == nil {
				loop.Key, loop.Tok = &ast.Ident{Name: "_", NamePos: at}, token.DEFINE
			}
			loop.X = &ast.CallExpr{Fun: &ast.Ident{Name: "make", NamePos: at}, Lparen: at, Rparen: loop.X.End(),
				Args: []ast.Expr{
					&ast.ArrayType{Lbrack: at, Elt: &ast.StructType{Struct: at, Fields: &ast.FieldList{Opening: at, Closing: at}}},
					original[i].x,
				}}
		}
		if program, err := e.compileOnce(node); err == nil {
			return program, nil
		}
	}
	for i, loop := range loops {
		loop.Key, loop.Tok, loop.X = original[i].key, original[i].tok, original[i].x
	}
	return nil, errors.New("no combination can be compiled")
}

// errorText is the text of an error without its position.
func errorText(err error) string {
	text := err.Error()
	var list scanner.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		return list[0].Msg
	}
	if _, rest, found := strings.Cut(text, ": "); found && strings.Contains(text[:len(text)-len(rest)], sourceSuffix+":") {
		return rest
	}
	return text
}
